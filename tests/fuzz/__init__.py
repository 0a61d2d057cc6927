"""Fuzzing of every reader of files that anybody may have written.

    python -m tests.fuzz                                  # the readers by name
    python -m tests.fuzz keypoints_npz --runs 20000       # valid files, broken in ways that their format suggests
    python -m tests.fuzz keypoints_npz --seconds 120 --guided     # mutations led by the coverage (atheris)

The law: every file is either read, or refused by a HandfitError with one short, printable sentence. No other exception,
no warning, nothing that takes longer than the time limit or more memory than the limit, no crash of a native library.
"""
