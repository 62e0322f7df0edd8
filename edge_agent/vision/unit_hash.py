"""What video is in a file, whatever its container: `python -m edge_agent.vision.unit_hash < clip.mp4`.

Says one line of JSON. A child process: a file from elsewhere is opened here. Nothing is decoded.
"""

import io
import json
import sys

from edge_agent.vision.confine import confine


def main() -> None:
    pipe = confine()
    data = sys.stdin.buffer.read()
    import av
    import av.error

    from edge_agent.vision.video_units import UnitHash

    packets = 0
    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            units = UnitHash(stream.codec_context.name, stream.codec_context.extradata)
            for packet in container.demux(stream):
                if packet.size:
                    packets += 1
                    units.add(bytes(packet))
            found = {"codec": stream.codec_context.name, "packets": packets, "sha256": units.hexdigest()}
    except (av.error.FFmpegError, IndexError):
        found = {"codec": "", "packets": packets, "sha256": ""}
    pipe.write(json.dumps(found).encode() + b"\n")


if __name__ == "__main__":
    main()
