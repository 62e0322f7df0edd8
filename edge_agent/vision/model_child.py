"""The child that tries a model: loads it and runs it on a test picture. `python -m edge_agent.vision.model_child`

A TestJob as JSON on stdin, a Verdict as JSON on stdout. The test picture is computed, a face of ellipses: no
photograph of anybody is carried for it. It shows that the file gives what its manifest says and the same each time,
not that it knows faces; that is what `edge-agent faces evaluate` is for.
"""

import sys
import time

import msgspec

from edge_agent.errors import FaceError
from edge_agent.model.face_models import Manifest
from edge_agent.vision.confine import confine
from edge_agent.vision.models import TestJob, Verdict

PROBE_NUMBERS, PROBE_WITHIN = 4, 0.02
MEMORY_MB = 1_024


def main() -> None:
    pipe = confine(MEMORY_MB)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=TestJob)
    try:
        verdict = _tried(job.folder, job.manifest)
    except FaceError as error:
        fields = {name: str(value) for name, value in error.fields.items()}
        verdict = Verdict(job.manifest.id, code=error.code, fields=fields)
    pipe.write(msgspec.json.encode(verdict))


def _tried(folder: str, manifest: Manifest) -> Verdict:
    import cv2
    import numpy as np

    from edge_agent.vision.network import Network

    def drawn(width: int, height: int, tone: int) -> np.ndarray:
        picture = np.full((height, width, 3), (120, 130, 140), np.uint8)
        unit = min(width, height)
        middle = (width // 2, height // 2)
        cv2.ellipse(picture, middle, (unit * 3 // 10, unit * 4 // 10), 0, 0, 360, (tone, tone * 3 // 4, tone // 2), -1)
        for side in (-1, 1):
            eye = (width // 2 + side * unit // 8, height // 2 - unit // 10)
            cv2.ellipse(picture, eye, (unit // 18, unit // 30), 0, 0, 360, (40, 30, 30), -1)
        cv2.line(picture, middle, (width // 2, height // 2 + unit // 12), (150, 100, 80), max(1, unit // 60))
        cv2.ellipse(
            picture, (width // 2, height // 2 + unit // 5), (unit // 9, unit // 30), 0, 0, 180, (130, 50, 50), 2
        )
        return picture

    began = time.perf_counter()
    if manifest.role == "detector":
        from edge_agent.vision.onnx_engine import open_detector

        detector = open_detector(folder, manifest)
        try:
            detector.detect(drawn(manifest.width, manifest.height, 200))
        except cv2.error:
            raise FaceError("models.wrong_outputs", id=manifest.id, found="others", expected="YuNet's") from None
        return Verdict(manifest.id, round((time.perf_counter() - began) * 1000, 1))
    if manifest.role == "objects":
        from edge_agent.vision.objects import ObjectNet

        finder = ObjectNet(folder, manifest, manifest.classes)
        boxes, scores = finder.look(drawn(manifest.width, manifest.height, 200))
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise FaceError("models.senseless", id=manifest.id)
        return Verdict(manifest.id, round((time.perf_counter() - began) * 1000, 1), len(manifest.classes))
    network = Network(folder, manifest)
    expected = len(manifest.classes) if manifest.role == "liveness" else manifest.dimension
    one = network.run(drawn(manifest.width, manifest.height, 200))
    began = time.perf_counter()
    again, other = network.run(drawn(manifest.width, manifest.height, 200)), None
    took = (time.perf_counter() - began) * 1000
    other = network.run(drawn(manifest.width, manifest.height, 90))
    if one.size != expected:
        raise FaceError("models.wrong_outputs", id=manifest.id, found=one.size, expected=expected)
    if not np.isfinite(one).all() or not np.allclose(one, again, atol=1e-5) or np.allclose(one, other, atol=1e-6):
        raise FaceError("models.senseless", id=manifest.id)
    probe = tuple(round(float(value), 4) for value in one[:PROBE_NUMBERS])
    if manifest.probe and not np.allclose(probe, manifest.probe[:PROBE_NUMBERS], atol=PROBE_WITHIN):
        raise FaceError("models.senseless", id=manifest.id)
    return Verdict(manifest.id, round(took, 1), one.size, probe)


if __name__ == "__main__":
    main()
