"""The command ``xacct``: a thin layer over the library, with one module for each command.

``credentials`` and ``exec`` run before every call of other programs. They parse their arguments with argparse, which is
quick to import and needs no extra. The other commands need the extra ``xacct[cli]``.
"""
