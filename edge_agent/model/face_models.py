"""What the gateway knows of a face model: its manifest, and the engine that several of them make.

Templates are bound to `EngineSpec.model`: it changes with the embedder's file and with everything that is done to a
picture before it. Distances are Euclidean; for a model of metric `cosine` they lie on the unit sphere (0 same, 2
opposite), so that one search serves all engines.
"""

import hashlib
from typing import Literal

import msgspec

from edge_agent.model.encoding import canonical
from edge_agent.model.site import FacePolicy, Table

ALIGNMENT = 2  # how the five points are found: by the detector once (1), again in an upright picture and its mirror (2)

Role = Literal["detector", "embedder", "liveness", "objects"]


class Manifest(Table, frozen=True):
    """One model file. Pixel values are (x - `mean`) * `scale`, channels in the order `colour`.

    `use`: what its licence permits; a model for `evaluation` never runs at a gate. `network`: the prototxt of a caffe
    model, the cfg of a darknet one. `threshold` of an embedder: a match is at least this cosine, or at most this
    distance. `classes` of a liveness model: what its outputs mean, one of them `live`; of an `objects` model: what it
    finds, in order, as `person`. `probe`: the first numbers a sound file gives for the test picture.
    """

    id: str
    role: Role
    file: str
    sha256: str
    licence: str
    use: Literal["any", "evaluation"]
    source: str = ""
    format: Literal["onnx", "caffe", "darknet"] = "onnx"
    network: str = ""
    network_sha256: str = ""
    width: int = 112
    height: int = 112
    mean: float = 0.0
    scale: float = 1.0
    colour: Literal["rgb", "bgr"] = "rgb"
    template: Literal["arcface-112", ""] = ""
    mirror: bool = True  # embed the face and its mirror image, and add them
    dimension: int = 0
    metric: Literal["cosine", "euclidean"] = "cosine"
    threshold: float = 0.0
    threshold_claimed: float = 0.0  # of a 1:1 comparison, after a card or a number
    margin: float = 0.04
    crop: float = 1.0  # a liveness model sees so much of the face's box
    classes: tuple[str, ...] = ()
    live_at_least: float = 0.5
    probe: tuple[float, ...] = ()

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """(name, SHA-256) of every file it is made of."""
        own = ((self.file, self.sha256),)
        return (*own, (self.network, self.network_sha256)) if self.network else own

    def distance(self, threshold: float) -> float:
        return float((2 - 2 * threshold) ** 0.5) if self.metric == "cosine" else threshold

    @property
    def template_id(self) -> str:
        """Changes with all that changes an embedding."""
        made = [
            self.sha256, self.network_sha256, self.width, self.height, self.mean, self.scale, self.colour,
            self.template, self.mirror, ALIGNMENT,
        ]  # fmt: skip
        return f"{self.id}@{hashlib.sha256(canonical(made)).hexdigest()[:8]}"


class EngineSpec(msgspec.Struct, frozen=True):
    """Detector, aligner and embedder under one model id. `folder`: where the files of the manifests are."""

    model: str
    dimension: int
    distance: float
    distance_claimed: float
    margin: float
    engine: Literal["dlib", "onnx"] = "dlib"
    folder: str = ""
    detector: Manifest | None = None
    embedder: Manifest | None = None
    liveness: Manifest | None = None

    @property
    def memory_mb(self) -> int:
        """Resident memory beyond which the child of this engine is started anew."""
        return 350 if self.engine == "dlib" else 200


DLIB = EngineSpec("dlib-resnet-v1", 128, distance=0.5, distance_claimed=0.55, margin=0.06)


class Limits(msgspec.Struct, frozen=True):
    """How near is near enough, as distances: 1:N, 1:1, and to the next person."""

    distance: float
    claimed: float
    margin: float


def limits_of(policy: FacePolicy, spec: EngineSpec = DLIB) -> Limits:
    """What the installer wrote; else what the model's manifest says. 1:1 is never stricter than 1:N."""
    distance = spec.distance if policy.distance is None else policy.distance
    claimed = spec.distance_claimed if policy.distance_claimed is None else policy.distance_claimed
    return Limits(distance, max(distance, claimed), spec.margin if policy.margin is None else policy.margin)


def onnx_spec(folder: str, detector: Manifest, embedder: Manifest, liveness: Manifest | None) -> EngineSpec:
    return EngineSpec(
        embedder.template_id, embedder.dimension, embedder.distance(embedder.threshold),
        embedder.distance(embedder.threshold_claimed or embedder.threshold), embedder.margin,
        "onnx", folder, detector, embedder, liveness,
    )  # fmt: skip


PERSON = "person"
EBIKES = (
    "ebike",
    "e-bike",
    "electric bicycle",
    "scooter",
    "bicycle",
    "motorcycle",
    "motorbike",
)  # by any of these names
COCO = (  # in the order of its outputs, as Darknet spells them
    "person", "bicycle", "car", "motorbike", "aeroplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis",
    "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich",
    "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "sofa", "pottedplant", "bed",
    "diningtable", "toilet", "tvmonitor", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave",
    "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier",
    "toothbrush",
)  # fmt: skip

KNOWN = (
    Manifest(
        id="yunet-2023mar", role="detector", file="face_detection_yunet_2023mar.onnx",
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        licence="MIT", use="any", source="OpenCV model zoo", width=320, height=320, colour="bgr",
    ),
    Manifest(
        id="yunet-2026may", role="detector", file="face_detection_yunet_2026may.onnx",
        sha256="ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
        licence="MIT", use="any", source="OpenCV model zoo", width=320, height=320, colour="bgr",
    ),
    Manifest(
        id="sface-2021dec", role="embedder", file="face_recognition_sface_2021dec.onnx",
        sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        licence="Apache-2.0", use="any", source="OpenCV model zoo", template="arcface-112", dimension=128,
        threshold=0.42, threshold_claimed=0.363, margin=0.03,
    ),
    Manifest(
        id="yolo-fastest-1.1-body", role="objects", file="yolo-fastest-1.1_body.weights",
        sha256="5bbb6d878f6e2eb3deee39e91dc6f9b39700e99ec83fa94d258670a554949728",
        format="darknet", network="yolo-fastest-1.1_body.cfg",
        network_sha256="045b8e276ebe3924474da8c866b7e709159ea067137b5d66bf9dd560411b2c1a",
        licence="public domain (YOLO licence)", use="any", source="dog-qiuqiu/Yolo-Fastest",
        width=320, height=320, scale=1 / 255, classes=("person",),
    ),
    Manifest(
        id="yolo-fastest-1.1-xl", role="objects", file="yolo-fastest-1.1-xl.weights",
        sha256="fac5fb41786c1f38f04972a658443b189f48720d7d117f9a044100e98a35b0c5",
        format="darknet", network="yolo-fastest-1.1-xl.cfg",
        network_sha256="c458427acc4fbeabceff4528ef7b65b066c0308ce599460f8ba299eba63abad3",
        licence="public domain (YOLO licence)", use="any", source="dog-qiuqiu/Yolo-Fastest",
        width=320, height=320, scale=1 / 255, classes=COCO,
    ),
)  # fmt: skip
