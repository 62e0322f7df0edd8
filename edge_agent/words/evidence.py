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
    "evidence.bad": ("{evidence}: NOT as it was signed", "{evidence}：与签名不一致"),
    "evidence.failed": ("{count} of {all} are not as they were signed", "{all} 份中有 {count} 份与签名不一致"),
    "evidence.none": ("there is no evidence", "没有证据"),
    "evidence.no_such": (
        "there is no evidence `{evidence}`; `edge-agent evidence list` shows what there is",
        "没有证据 `{evidence}`；`edge-agent evidence list` 可列出",
    ),
    "evidence.exported": ("{evidence} is in {folder}", "{evidence} 已导出至 {folder}"),
    "evidence.held": ("held by {who}", "由 {who} 保全"),
    "evidence.folder_there": ("{folder} is there already; choose another", "{folder} 已存在，请另选"),
    "evidence.cannot_write": ("{path} cannot be written: {why}", "无法写入 {path}：{why}"),
    "evidence.masked": (
        "masked and blurred copy: {faces} faces, {plates} plates found. Look at all of it before it is published: what "
        "the detectors miss is not blurred",
        "已遮挡并模糊：检出人脸 {faces}、车牌 {plates}。公开前请完整查看：检测器遗漏之处不会模糊",
    ),
    "evidence.publish_failed": ("the masked copy could not be made: {why}", "无法生成遮挡副本：{why}"),
}
