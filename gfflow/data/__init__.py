"""Data sets that need no download, and files of arrays."""

from ._files import from_csv as from_csv
from ._files import from_npz as from_npz
from ._operator import antiderivative as antiderivative
from ._sklearn import breast_cancer as breast_cancer
from ._sklearn import diabetes as diabetes
from ._sklearn import digits as digits
from ._teacher import teacher_student as teacher_student
from ._text import text as text
