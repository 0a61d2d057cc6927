"""JSON that anybody may have written, or one sentence about it.

content = read_json(Path("people.json"))
"""

import json
from pathlib import Path

from fitter.errors import InputError
from fitter.untrusted import quoted, read_regular

MOST_BYTES = 256 * 2**20  # of one file: a 133-joint JSON of half an hour of video, 54000 frames, is about that


def read_json(path: Path, content: str = "keypoints of one clip") -> object:
    """What a JSON file holds. Raises InputError, which says that `content` was expected, if it is too large, unreadable
    or no JSON.
    """
    try:
        text = read_regular(path, MOST_BYTES)
        if len(text) > MOST_BYTES:
            raise InputError(f"{path} is larger than {MOST_BYTES // 2**20} MiB: expected {content}")
        return json.loads(text.decode("utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): expected a JSON file of {content}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no valid JSON ({quoted(error)}): expected a JSON file of {content}") from None
