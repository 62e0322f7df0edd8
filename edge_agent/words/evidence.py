"""What is said about evidence: is it what was signed, and how it is shown, held and handed over."""

WORDS: dict[str, tuple[str, str]] = {
    "evidence.no_manifest": ("the manifest is missing or no manifest", "清单缺失或格式不符"),
    "evidence.bad_signature": (
        "the manifest is not signed by this gateway's key",
        "清单并非由该网关密钥签名",
    ),
    "evidence.bad_hash": (
        "{what}: its content is not what was signed (SHA-256)",
        "{what}：内容与签名时不一致（SHA-256）",
    ),
    "evidence.file_missing": ("{what} is missing", "缺少 {what}"),
    "evidence.stranger": ("{what} is not in the manifest", "{what} 不在清单内"),
    "evidence.bad_stream": (
        "the video's own units are not those that were recorded, whatever the container",
        "视频码流与录制时不一致（与封装无关）",
    ),
    "evidence.same_stream": (
        "the file was rewritten, but the video in it is the one that was recorded",
        "文件已重新封装，但其中视频即录制的原视频",
    ),
    "evidence.no_stream": ("the clip was cut off: the video's own hash was never taken", "片段被中断，未计算码流摘要"),
    "evidence.broken_chain": (
        "the manifest before it is not the one it names: something was left out or put in",
        "与上一份清单不衔接：有遗漏或插入",
    ),
    "evidence.chain_gap": ("the manifest before it was erased ({what})", "上一份证据已清除（{what}）"),
    "evidence.chain_unknown": (
        "the manifest before it ({what}) is not here any more, and the journal has no record (or none any more) that "
        "it was erased",
        "上一份清单（{what}）已不在此处，日志中没有（或已不再有）其清除记录",
    ),
    "evidence.vanished": (
        "gone: the journal recorded that it was kept and never that it was erased, and it is not among what is kept",
        "已消失：日志登记过保存，从未登记清除，却已不在留存之列",
    ),
    "evidence.other_name": (
        "the folder is called {what}: go by the id in the manifest",
        "文件夹名为 {what}：请以清单中的编号为准",
    ),
    "evidence.not_recorded": ("the journal does not know it", "日志中没有该证据"),
    "evidence.other_manifest": (
        "the journal has another manifest for it",
        "日志记录的清单与此不同",
    ),
    "evidence.incomplete": ("not complete: {what}", "不完整：{what}"),
    "evidence.jumped": (
        "the camera's clock jumped {what} times within it: there the video has the gateway's time",
        "录制期间摄像机时间戳跳变 {what} 次：跳变处采用网关的时间",
    ),
    "evidence.no_time": ("the gateway did not know the time when it was kept", "保存时网关时钟未校准"),
    "evidence.poor_time": ("the gateway knew the time only within {what}", "保存时网关时钟误差约 {what}"),
    "evidence.good": ("{evidence}: as it was signed", "{evidence}：与签名一致"),
    "evidence.whole": (
        "{evidence}: whole and unaltered since it was signed by key {kid}; whose key that is was not checked",
        "{evidence}：自密钥 {kid} 签名后完整未改；未核对该密钥属于谁",
    ),
    "evidence.whose_key": (
        "The key {kid} lies in the folder itself: anybody can put one of their own there. Give the gateway's public "
        "key with --key (its keys/gateway.pub, got from whoever runs it)",
        "密钥 {kid} 就在该文件夹内，任何人都可放入自己的密钥。请用 --key 给出网关公钥（向网关管理方索取其 "
        "keys/gateway.pub）",
    ),
    "evidence.no_key": (
        "there is no public key at {path}: restore it, or give the gateway's with --key",
        "{path} 处没有公钥：请恢复该文件，或用 --key 给出网关公钥",
    ),
    "evidence.published": (
        "{name}: a masked copy for publication; its video is the one published.json names",
        "{name}：供公布的遮挡副本；其视频与 published.json 所述一致",
    ),
    "evidence.published_altered": (
        "{name}: a masked copy for publication, but its video is NOT the one published.json names",
        "{name}：供公布的遮挡副本，但其视频与 published.json 所述不一致",
    ),
    "evidence.unsigned": (
        "No key signs a masked copy. Its original {evidence} is what was signed: check that at the gateway "
        "(`edge-agent evidence verify {evidence}`)",
        "遮挡副本没有签名。签名的是原件 {evidence}：请在网关上校验（`edge-agent evidence verify {evidence}`）",
    ),
    "evidence.cannot_read": ("{path} cannot be read: {why}", "无法读取 {path}：{why}"),
    "evidence.bad": ("{evidence}: NOT as it was signed", "{evidence}：与签名不一致"),
    "evidence.failed": ("{count} of {all} are not as they were signed", "{all} 份中有 {count} 份与签名不一致"),
    "evidence.none": ("there is no evidence", "没有证据"),
    "evidence.no_such": (
        "there is no evidence `{evidence}`; `edge-agent evidence list` shows what there is",
        "没有证据 `{evidence}`；`edge-agent evidence list` 可列出",
    ),
    "evidence.bad_manifest": (
        "the manifest of {evidence} cannot be read; `edge-agent evidence verify {evidence}` says what else is wrong",
        "无法读取 {evidence} 的清单；`edge-agent evidence verify {evidence}` 可查明其他问题",
    ),
    "evidence.exported": ("{evidence} is in {folder}", "{evidence} 已导出至 {folder}"),
    "evidence.held": ("held by {who}", "由 {who} 保全"),
    "evidence.folder_there": ("{folder} is there already; choose another", "{folder} 已存在，请另选"),
    "evidence.cannot_write": ("{path} cannot be written: {why}", "无法写入 {path}：{why}"),
    "evidence.masked": (
        "masked and blurred copy: {faces} faces and heads, {plates} plates or what looks like one (lettering, rows of "
        "windows or bricks) were found, each counted once while it stays. Look at all of it before it is published: "
        "what the detectors miss is not blurred",
        "已遮挡并模糊：检出人脸及头部 {faces} 处、车牌或类似车牌（文字、成排的窗或砖）{plates} 处，停留期间各计一次。"
        "公开前请完整查看：检测器遗漏之处不会模糊",
    ),
    "evidence.child_failed": (
        "the video could not be looked at, the process that reads it failed: {why}",
        "无法读取视频，读取进程失败：{why}",
    ),
    "evidence.no_picture": (
        "no picture of {evidence} can be decoded: there is nothing to mask; `--for investigation` copies it as it is",
        "{evidence} 中没有可解码的画面，无可遮挡；`--for investigation` 可原样复制",
    ),
    "evidence.no_camera": (
        "{evidence} is of the camera {camera}, which is not in agent.toml any more, so nobody knows what to mask: put "
        "it back, with its masks, or take an unmasked copy with `--for investigation`",
        "{evidence} 来自摄像机 {camera}，该摄像机已不在 agent.toml 中，无从得知应遮挡之处：请补回该摄像机及其 masks，"
        "或用 `--for investigation` 取未遮挡的副本",
    ),
    "evidence.no_place": (
        "nothing says where in the picture {evidence} happened (a door's event, or a clip that was cut off): "
        "--only-event would hide nothing. Export it without --only-event: faces, heads and plates are blurred",
        "没有记录 {evidence} 在画面中的位置（门事件，或片段被中断）：--only-event 无从遮挡。请不带 --only-event "
        "导出：人脸、头部和车牌会被模糊",
    ),
    "evidence.only_published": (
        "--only-event goes with --for publication: a copy for an investigation is as it was recorded",
        "--only-event 须与 --for publication 一起使用：调查用副本保持原样",
    ),
    "evidence.copy_failed": (
        "the copy in {path} could not be written to its end: {why}. The folder was removed again; the entry in the "
        "register and in the journal stays",
        "{path} 中的副本未能写完：{why}。该文件夹已删除；登记簿和日志中的记录保留",
    ),
}
