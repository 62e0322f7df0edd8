"""Sentences about: how good face recognition is."""

WORDS: dict[str, tuple[str, str]] = {
    "faces.too_few": (
        "{folder} holds too few photographs to compare: a folder for each of at least 4 persons, 2 photographs each",
        "{folder} 中照片不足：至少 4 人，每人一个文件夹，每人至少 2 张",
    ),
    "faces.too_few_enrolled": (
        "{persons} person(s) enrolled for this model: nothing can be compared; enrol more, or use `faces evaluate`",
        "此模型已登记 {persons} 人：无法比较；请登记更多人员，或使用 faces evaluate",
    ),
    "faces.not_written": ("{file} cannot be written: {why}", "无法写入 {file}：{why}"),
    "faces.page_written": ("page with pictures: {file}", "图表页面：{file}"),
    "faces.row_engine": ("engine", "引擎"),
    "faces.row_set": ("set", "数据集"),
    "faces.set": ("{identities} persons, {images} photographs", "{identities} 人，{images} 张照片"),
    "faces.row_fte": ("no template (FTE, FTA)", "未能提取（FTE、FTA）"),
    "faces.row_noted": ("the quality gate would refuse", "质量检查会拒绝"),
    "faces.row_pairs": ("comparisons genuine / impostor", "比对次数 同人 / 异人"),
    "faces.row_fnmr": ("FNMR at FMR {rate}", "FMR {rate} 时的 FNMR"),
    "faces.row_open": ("pass rate at 1 % FPIR, {photos} photo(s)", "FPIR 1 % 时通过率，每人 {photos} 张"),
    "faces.row_moved": ("  with a threshold of other strangers", "  使用其他陌生人定的阈值"),
    "faces.moved": ("{passed} passed, FPIR {fpir}", "通过 {passed}，FPIR {fpir}"),
    "faces.gallery": ("gallery {persons} persons, {templates} templates", "库 {persons} 人，{templates} 个模板"),
    "faces.page_title": ("Face recognition: {engine}", "人脸识别评测：{engine}"),
    "faces.page_det": ("DET curve", "DET 曲线"),
    "faces.page_scores": ("Scores: same person (blue), different persons (red)", "分数分布：同人（蓝）、异人（红）"),
    "faces.page_degraded": (
        "True matches as photographs become worse, at the threshold of FMR 0.1 % on good ones",
        "照片变差时的匹配率（阈值取自清晰照片 FMR 0.1 %）",
    ),
    "faces.page_note": (
        "Intervals are 95 %, by bootstrap over persons; where no error was seen, by the rule of three. "
        "A threshold holds for the set it was measured on: calibrate on site.",
        "区间为 95 %，按人员自助法；未出现错误时按三倍法则。阈值只对所测数据集有效：请在现场校准。",
    ),
    "faces.how.width": ("width of the face, px", "人脸宽度（像素）"),
    "faces.how.blur": ("blur, px of a face of 112 px", "模糊（112 像素人脸上的像素）"),
    "faces.how.gamma": ("gamma: below 1 brighter, above darker", "伽马：小于 1 变亮，大于 1 变暗"),
    "faces.how.turned": (
        "turned heads of this set: nose off the middle between the eyes (0.5: under an eye)",
        "数据集中的侧脸：鼻尖偏离双眼中点（0.5：位于一只眼下方）",
    ),
    "faces.photos_each": ("· photographs: {counts}", "· 照片数：{counts}"),
    "faces.how.jpeg": ("JPEG quality", "JPEG 质量"),
    "faces.reason.missing": ("missing", "缺失"),
    "faces.reason.unreadable": ("unreadable", "无法读取"),
    "faces.reason.not_a_photo": ("no photograph", "不是照片"),
    "faces.reason.animated": ("animated", "动图"),
    "faces.reason.too_large": ("too large", "过大"),
    "faces.reason.no_face": ("no face", "无人脸"),
    "faces.reason.several_faces": ("several faces", "多张人脸"),
    "faces.reason.face_too_small": ("too small", "过小"),
    "faces.reason.edge_clipped": ("cut off", "被截断"),
    "faces.reason.not_frontal": ("turned away", "侧脸"),
    "faces.reason.dark": ("dark", "过暗"),
    "faces.reason.bright": ("bright", "过亮"),
    "faces.reason.blurred": ("blurred", "模糊"),
    "faces.reason.spoof": ("not alive", "非活体"),
    "faces.reason.crashed": ("ended the reader", "致程序崩溃"),
    "faces.traffic": (
        "traffic: {seen} unknown faces in {days} days of the journal",
        "客流：日志 {days} 天内有 {seen} 张陌生人脸",
    ),
    "faces.traffic_guessed": (
        "traffic: the journal has less than a day; {guess:.0f} strangers a day are a guess (--strangers-per-day)",
        "客流：日志不足一天；按每天 {guess:.0f} 名陌生人估计（--strangers-per-day）",
    ),
    "faces.axis_score": ("similarity", "相似度"),
    "faces.axis_share": ("share", "占比"),
    "faces.axis_pass": ("true matches", "匹配率"),
    "faces.no_liveness_model": (
        "there is no liveness model: name one in faces.liveness_model (`edge-agent models list`)",
        "没有活体检测模型：请在 faces.liveness_model 中指定（`edge-agent models list`）",
    ),
    "faces.no_presentations": (
        "{folder}: photographs of living people in live/ and of attacks in at least one other folder are needed",
        "{folder}：需要在 live/ 中放真人照片，并至少有一个攻击照片目录",
    ),
    "faces.apcer": (
        "APCER {name}: {rate} [{low}, {high}], {wrong} of {of} attacks taken for alive; no face found in {silent}",
        "APCER {name}：{rate} [{low}, {high}]，{of} 次攻击中 {wrong} 次误判为真人；{silent} 次未检出人脸",
    ),
    "faces.bpcer": (
        "BPCER: {rate} [{low}, {high}], {wrong} of {of} living people refused; no face found in {silent}",
        "BPCER：{rate} [{low}, {high}]，{of} 次真人中 {wrong} 次被拒；{silent} 次未检出人脸",
    ),
    "faces.liveness_model": (
        "model {model}; one photograph each, a gate looks at several. With fewer than {enough} attacks of a species "
        "a rate below 1 % cannot be shown",
        "模型 {model}；每次仅一张照片，门口会看多帧。每类攻击少于 {enough} 次时无法证明低于 1 %",
    ),
    "faces.now": (
        "now: distance {distance}: strangers recognised {fpir} (at most {most}), enrolled missed {fnir}; "
        "{persons} persons, {templates} templates",
        "当前：距离 {distance}：误识陌生人 {fpir}（上限 {most}），漏识 {fnir}；{persons} 人，{templates} 个模板",
    ),
    "faces.proposed": (
        "proposed: distance {distance}: strangers recognised {fpir} (at most {most}), enrolled missed {fnir}; "
        "{persons} persons, {templates} templates",
        "建议：距离 {distance}：误识陌生人 {fpir}（上限 {most}），漏识 {fnir}；{persons} 人，{templates} 个模板",
    ),
    "faces.few": (
        "only {persons} persons: a rate of 1 % cannot be told from none; the bounds are what is known",
        "仅 {persons} 人：无法分辨 1 % 与 0；请以上限为准",
    ),
    "faces.report": (
        "{persons} persons, {templates} templates, distance {distance}, {strangers_per_day} strangers a day\n"
        "FMR of one comparison: {fmr} (at most {fmr_at_most})\n"
        "strangers taken for somebody, expected in a year: {accepts} (at most {accepts_at_most}) by face alone, "
        "{claimed} (at most {claimed_at_most}) after somebody's card",
        "{persons} 人，{templates} 个模板，距离 {distance}，每天 {strangers_per_day} 名陌生人\n"
        "单次比对 FMR：{fmr}（上限 {fmr_at_most}）\n"
        "每年预计误识陌生人：仅人脸 {accepts} 次（上限 {accepts_at_most}），"
        "刷卡后比对 {claimed} 次（上限 {claimed_at_most}）",
    ),
    "faces.filing": (
        "{persons} faces are stored: from 100,000 on this has to be filed with the authority",
        "已存储 {persons} 人的人脸：达到 10 万人须向网信部门备案",
    ),
}
