from fsci.linalg.systems import solve
