"""The nouns: problem, evidence, kernel, attempt, certificate, decision, diagnosis.

Rice's algorithm-selection framework (J. R. Rice, 1976: problem, features,
algorithms, performance), in the field's words. Fields may grow, meanings may not.
"""

from fsci.core.certificate import Certificate, digits_of, relative_to_truth
from fsci.core.diagnosis import Candidate, Decision, Diagnosis
from fsci.core.problem import Attempt, Evidence, Fact, Kernel, Problem, Refusal

__all__ = [
    "Attempt",
    "Candidate",
    "Certificate",
    "Decision",
    "Diagnosis",
    "Evidence",
    "Fact",
    "Kernel",
    "Problem",
    "Refusal",
    "digits_of",
    "relative_to_truth",
]
