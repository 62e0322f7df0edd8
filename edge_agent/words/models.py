"""Sentences about: face models."""

WORDS: dict[str, tuple[str, str]] = {
    "models.manifest_unreadable": (
        "{file} is not a model manifest that can be read ({why}): see docs/faces.md for its keys",
        "{file} 不是可用的模型说明文件（{why}）：字段说明见 docs/faces.md",
    ),
    "models.missing": (
        "model {id}: the file {file} is missing: `edge-agent models add` it again",
        "模型 {id}：缺少文件 {file}：请重新执行 edge-agent models add",
    ),
    "models.unreadable": ("{file} cannot be used: {why}", "{file} 无法使用：{why}"),
    "models.wrong_hash": (
        "{file} is not the file it should be (SHA-256 {found}, expected {expected}): fetch it again from its source",
        "{file} 与预期不符（SHA-256 {found}，应为 {expected}）：请从原始来源重新获取",
    ),
    "models.unknown": (
        "{file} (SHA-256 {found}) is not known here: give its manifest with --manifest",
        "{file}（SHA-256 {found}）不是已知模型：请用 --manifest 提供说明文件",
    ),
    "models.no_model": (
        "{file} is not an ONNX model: it is damaged, cut short or another kind of file",
        "{file} 不是 ONNX 模型：文件已损坏、不完整或类型不符",
    ),
    "models.pointer": (
        "{file} is a Git LFS pointer, not the model: fetch the file itself",
        "{file} 只是 Git LFS 指针，不是模型文件：请获取真正的文件",
    ),
    "models.too_large": (
        "{file} has {size} MB, at most {most} MB are loaded here",
        "{file} 大小为 {size} MB，最多允许 {most} MB",
    ),
    "models.wrong_opset": (
        "{file} has ONNX opset {found}, {least} to {most} can be read here: export it anew",
        "{file} 的 ONNX opset 为 {found}，此处支持 {least} 至 {most}：请重新导出",
    ),
    "models.wrong_outputs": (
        "model {id} gives {found} outputs where its manifest says {expected}: it is not the model it is said to be",
        "模型 {id} 的输出为 {found}，说明文件为 {expected}：模型与说明不符",
    ),
    "models.other_boxes": (
        "model {id} gives {found}; with the {classes} classes of its manifest it is 1×n×{five} (YOLOv5, v7) or "
        "1×{four}×n (YOLOv8, 11), without NMS: export it so, or correct `classes`",
        "模型 {id} 的输出为 {found}；按说明文件的 {classes} 个类别，应为 1×n×{five}（YOLOv5、v7）或 "
        "1×{four}×n（YOLOv8、11），且不含 NMS：请重新导出或更正 `classes`",
    ),
    "models.open_size": (
        "{file} takes pictures of any size, which OpenCV cannot run: export it with a fixed one (`dynamic=False`)",
        "{file} 的输入尺寸不固定，OpenCV 无法运行：请按固定尺寸重新导出（`dynamic=False`）",
    ),
    "models.other_size": (
        "{file} takes pictures of {width} × {height}, its manifest says {wide} × {high}: correct `width` and `height`",
        "{file} 的输入为 {width} × {height}，说明文件为 {wide} × {high}：请更正 `width` 和 `height`",
    ),
    "models.senseless": (
        "model {id} fails its self-test (numbers that are none, or not the same each time): do not use it",
        "模型 {id} 自检失败（输出无效或不稳定）：请勿使用",
    ),
    "models.unloadable": (
        "model {id} cannot be loaded: {why}",
        "模型 {id} 无法加载：{why}",
    ),
    "models.no_live_class": (
        "liveness model {id}: its manifest names no class `live`",
        "活体模型 {id}：说明文件中没有 live 类别",
    ),
    "models.bad_id": (
        "`{id}` cannot be a model's id: small letters, digits, dot, dash",
        "“{id}” 不能作为模型编号：仅限小写字母、数字、点、横线",
    ),
    "models.incomplete": (
        "the engine onnx needs a detector and an embedder",
        "onnx 引擎需要检测模型和特征模型",
    ),
    "models.not_installed": (
        "model {id} is not in {folder} (there are: {known}): `edge-agent models add FILE`, or set "
        'faces.engine = "dlib"',
        '{folder} 中没有模型 {id}（已有：{known}）：请执行 edge-agent models add 文件，或设 faces.engine = "dlib"',
    ),
    "models.no_detector": (
        "the detector {id} is not in {folder} (there are: {known}); add it with `edge-agent models add FILE`, "
        "correct vision.detector, or take it out: zones are then watched by motion alone",
        "{folder} 中没有检测模型 {id}（已有：{known}）；请执行 edge-agent models add 文件，更正 vision.detector，"
        "或删去该项（仅凭运动检测）",
    ),
    "models.wrong_role": (
        "model {id} is a {role}, a {wanted} is needed there",
        "模型 {id} 的用途是 {role}，此处需要 {wanted}",
    ),
    "models.not_permitted": (
        "model {id} may not be used at a gate: its licence ({licence}) permits evaluation only; choose another model",
        "模型 {id} 不得用于门禁：其许可（{licence}）仅允许评测；请选用其他模型",
    ),
    "models.added": (
        "model {id} added: {role}, {licence}, one run {ms} ms",
        "已添加模型 {id}：{role}，{licence}，单次 {ms} 毫秒",
    ),
    "models.evaluation_only": (
        "model {id}: its licence permits evaluation only; it will not run at a gate",
        "模型 {id}：许可仅允许评测，不会用于门禁",
    ),
    "models.sound": ("model {id}: sound, one run {ms} ms", "模型 {id}：正常，单次 {ms} 毫秒"),
    "models.none": ("no models in {folder}; the engine dlib needs none", "{folder} 中没有模型；dlib 引擎不需要模型"),
    "models.used": (
        "{file} now says engine {engine}, embedder {embedder}; restart the agent",
        "{file} 已设为引擎 {engine}，特征模型 {embedder}；请重启程序",
    ),
    "models.use_failed": (
        "{file} was left as it was: {why}",
        "{file} 未作修改：{why}",
    ),
    "models.reembedded": (
        "{count} photograph(s) of {people} person(s) embedded again for {model}",
        "已为 {model} 重新提取 {people} 人的 {count} 张照片",
    ),
    "models.must_reenrol": (
        "{person} must be enrolled again: no photograph was kept",
        "{person} 需重新登记：未保留照片",
    ),
}
