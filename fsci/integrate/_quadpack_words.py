"""What QUADPACK's return codes mean, in SciPy's words (BSD-3-Clause, SciPy developers)."""

from __future__ import annotations

__all__ = ["CYCLES", "EXPLAIN", "WORDS"]

# By return code; the first holds the place of the limit.
WORDS: dict[int, str] = {
    80: "A Python error occurred possibly while calling the function.",
    1: (
        "The maximum number of subdivisions ({limit}) has been achieved.\n  If increasing the limi"
        "t yields no improvement it is advised to analyze \n  the integrand in order to determine "
        "the difficulties.  If the position of a \n  local difficulty can be determined (singulari"
        "ty, discontinuity) one will \n  probably gain from splitting up the interval and calling "
        "the integrator \n  on the subranges.  Perhaps a special-purpose integrator should be used"
        "."
    ),
    2: (
        "The occurrence of roundoff error is detected, which prevents \n  the requested tolerance "
        "from being achieved.  The error may be \n  underestimated."
    ),
    3: "Extremely bad integrand behavior occurs at some points of the\n  integration interval.",
    4: (
        "The algorithm does not converge.  Roundoff error is detected\n  in the extrapolation tabl"
        "e.  It is assumed that the requested tolerance\n  cannot be achieved, and that the return"
        "ed result (if full_output = 1) is \n  the best which can be obtained."
    ),
    5: "The integral is probably divergent, or slowly convergent.",
    6: "The input is invalid.",
    7: (
        "Abnormal termination of the routine.  The estimates for result\n  and error are less reli"
        "able.  It is assumed that the requested accuracy\n  has not been achieved."
    ),
}

# Of a Fourier integral over a half-line, where they differ.
CYCLES: dict[int, str] = {
    1: (
        "The maximum number of cycles allowed has been achieved., e.e.\n  of subintervals (a+(k-1)"
        "c, a+kc) where c = (2*int(abs(omega)+1))\n  *pi/abs(omega), for k = 1, 2, ..., lst.  One "
        "can allow more cycles by increasing the value of limlst.  Look at info['ierlst'] with fu"
        "ll_output=1."
    ),
    4: (
        "The extrapolation table constructed for convergence acceleration\n  of the series formed "
        "by the integral contributions over the cycles, \n  does not converge to within the reques"
        "ted accuracy.  Look at \n  info['ierlst'] with full_output=1."
    ),
    7: (
        "Bad integrand behavior occurs within one or more of the cycles.\n  Location and type of t"
        "he difficulty involved can be determined from \n  the vector info['ierlist'] obtained wit"
        "h full_output=1."
    ),
}

# Codes of the single cycles of such an integral.
EXPLAIN: dict[int, str] = {
    1: "The maximum number of subdivisions (= limit) has been \n  achieved on this cycle.",
    2: (
        "The occurrence of roundoff error is detected and prevents\n  the tolerance imposed on thi"
        "s cycle from being achieved."
    ),
    3: "Extremely bad integrand behavior occurs at some points of\n  this cycle.",
    4: (
        "The integral over this cycle does not converge (to within the required accuracy) due to "
        "roundoff in the extrapolation procedure invoked on this cycle.  It is assumed that the r"
        "esult on this interval is the best which can be obtained."
    ),
    5: "The integral over this cycle is probably divergent or slowly convergent.",
}
