"""Is there a picture in a recording, or in a folder of stills? `python -m edge_agent.vision.first_picture`

Its URL is the only line on stdin; on stdout one line of JSON: what is wrong as code of words/ and what fills its
sentence, or null. A child process: a decoder may abort.
"""

import sys

import msgspec

from edge_agent.vision.confine import confine


def main() -> None:
    pipe = confine()
    url = sys.stdin.readline().strip()
    from edge_agent.vision.decode import trouble_of

    trouble = trouble_of(url)
    pipe.write(msgspec.json.encode(trouble and [trouble.code, trouble.fields]) + b"\n")


if __name__ == "__main__":
    main()
