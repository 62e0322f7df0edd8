"""Why a clip is not whole, or not there."""

WORDS: dict[str, tuple[str, str]] = {
    "clip.interrupted": ("the camera's stream was interrupted", "摄像机码流中断"),
    "clip.late": ("it begins {s} s late", "开头晚了 {s} 秒"),
    "clip.holes": (
        "{s} s in the middle of it are missing: the camera sent nothing",
        "中间缺 {s} 秒：摄像机没有送来画面",
    ),
    "clip.no_picture": ("there was no picture", "没有画面"),
    "clip.too_many": ("too many clips at once", "同时留存的录像过多"),
    "clip.no_container": ("its codec goes into no file: {error}", "该编码无法存为文件：{error}"),
    "clip.no_recorder": ("the recorder is not running", "录像进程未运行"),
    "clip.recorder_cut": ("the recorder was interrupted", "录像进程中断"),
    "clip.no_answer": ("the recorder did not answer", "录像进程无应答"),
    "clip.disk_full": ("the disk is nearly full", "磁盘将满"),
    "clip.agent_stopped": ("the agent stopped meanwhile", "其间程序停止"),
}
