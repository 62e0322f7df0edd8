"""Sentences about cameras: why there are no pictures, and what to do about it."""

WORDS: dict[str, tuple[str, str]] = {
    "cameras.silent": ("the camera sends nothing", "摄像机没有发送任何数据"),
    "cameras.unsteady": (
        "its pictures stop again and again; check its network, its power, and how many others look at it",
        "图像反复中断；请检查其网络、电源，以及同时取流的数量",
    ),
    "cameras.child_silent": (
        "the vision process of camera {camera} is started anew: no sign of life for {s:.0f} s",
        "摄像机 {camera} 的视觉进程正在重新启动：{s:.0f} 秒没有响应",
    ),
    "cameras.child_ended": (
        "the vision process of camera {camera} is started anew: it ended, status {status}",
        "摄像机 {camera} 的视觉进程正在重新启动：进程已退出，状态 {status}",
    ),
    "cameras.child_nonsense": (
        "the vision process of camera {camera} is started anew: what it said is no message ({why})",
        "摄像机 {camera} 的视觉进程正在重新启动：发出的消息无法解析（{why}）",
    ),
    "cameras.child_not_started": (
        "the vision process of camera {camera} cannot be started: {why}; the machine may be out of memory",
        "摄像机 {camera} 的视觉进程无法启动：{why}；可能内存不足",
    ),
    "cameras.child_large": (
        "the vision process of camera {camera} is started anew: it needs {mb:.0f} MB from the start, of {allowed}",
        "摄像机 {camera} 的视觉进程正在重新启动：启动即需 {mb:.0f} MB，只允许 {allowed} MB",
    ),
    # why a stream gives no pictures; {url} without login and query
    "cameras.refused": (
        "no pictures from {url}: the connection was refused; is the camera started, and its port right in agent.toml?",
        "{url} 没有图像：连接被拒绝；摄像机是否已启动？agent.toml 中的端口对吗？",
    ),
    "cameras.no_route": (
        "no pictures from {url}: there is no way to it; check its cable, its address in agent.toml and this gateway's "
        "network",
        "{url} 没有图像：网络不可达；请检查网线、agent.toml 中的地址以及本网关的网络",
    ),
    "cameras.timeout": (
        "no pictures from {url}: it does not answer; check the camera's power, its cable and its address in agent.toml",
        "{url} 没有图像：没有应答；请检查摄像机的电源、网线以及 agent.toml 中的地址",
    ),
    "cameras.unreachable": (
        "no pictures from {url}: its host is not found, or the connection broke; check the name in agent.toml, the "
        "camera's power and its cable",
        "{url} 没有图像：找不到主机或连接中断；请检查 agent.toml 中的主机名、摄像机的电源和网线",
    ),
    "cameras.login": (
        "no pictures from {url}: it needs the right user and password (login_file of the camera in agent.toml)",
        "{url} 没有图像：需要正确的用户名和密码（agent.toml 中该摄像机的 login_file）",
    ),
    "cameras.not_found": (
        "no pictures from {url}: the camera has no such stream; its manual names the path for the url in agent.toml",
        "{url} 没有图像：摄像机没有这一路码流；请按其说明书填写 agent.toml 中 url 的路径",
    ),
    "cameras.codec": (
        "no pictures from {url}: this machine has no decoder for its codec; set the camera to H.264 or H.265",
        "{url} 没有图像：本机没有其编码的解码器；请把摄像机设为 H.264 或 H.265",
    ),
    "cameras.no_video": (
        "no pictures from {url}: there is no video in it; is it the right url in agent.toml?",
        "{url} 没有图像：其中没有视频；agent.toml 中的 url 对吗？",
    ),
    "cameras.ended": (
        "no pictures from {url}: the stream ended; it is opened again",
        "{url} 没有图像：码流已结束；正在重新打开",
    ),
    "cameras.broken": (
        "no pictures from {url}: what comes from there is broken, cut off or no video; try it with a player, and check "
        "the url in agent.toml",
        "{url} 没有图像：内容已损坏、不完整或不是视频；请用播放器试看，并检查 agent.toml 中的 url",
    ),
    "cameras.no_format": (
        "no pictures from {url}: what is there is no video of a known form (mp4, mkv, avi, MPEG-TS, MJPEG); check the "
        "url in agent.toml",
        "{url} 没有图像：不是可识别的视频格式（mp4、mkv、avi、MPEG-TS、MJPEG）；请检查 agent.toml 中的 url",
    ),
    "cameras.undecoded": (
        "no pictures from {url}: no picture in it can be decoded; record it anew, or correct the url in agent.toml",
        "{url} 没有图像：其中没有可解码的图像；请重新录制，或更正 agent.toml 中的 url",
    ),
    "cameras.file_missing": (
        "no pictures from {url}: there is no such file; check the path in agent.toml (file:// and the full path)",
        "{url} 没有图像：没有该文件；请检查 agent.toml 中的路径（file:// 加完整路径）",
    ),
    "cameras.denied": (
        "no pictures from {url}: this user may not read it; give read access to whoever runs the agent",
        "{url} 没有图像：当前用户无权读取；请给运行 agent 的用户读取权限",
    ),
    "cameras.no_stills": (
        "no pictures from {url}: the folder holds no pictures (.jpg, .png, .bmp); check the path in agent.toml",
        "{url} 没有图像：文件夹中没有图片（.jpg、.png、.bmp）；请检查 agent.toml 中的路径",
    ),
    "cameras.stills_no_clip": (
        "no clips are kept of {url}, a folder of stills: take “evidence” out of the camera's use in agent.toml",
        "{url} 是图片文件夹，不能保存录像：请从 agent.toml 中该摄像机的 use 里去掉 “evidence”",
    ),
    "cameras.scheme": (
        "no pictures from {url}: only http, https, rtsp, v4l2 and file URLs are known; correct the url in agent.toml",
        "{url} 没有图像：只支持 http、https、rtsp、v4l2 和 file；请更正 agent.toml 中的 url",
    ),
    "cameras.other": (
        "no pictures from {url}: {why}; check the camera's power, its cable and the url in agent.toml",
        "{url} 没有图像：{why}；请检查摄像机的电源、网线以及 agent.toml 中的 url",
    ),
    # a camera of this machine
    "cameras.device_missing": (
        "no pictures from {url}: No such file or directory; is it plugged in, as it is named in agent.toml "
        "(`edge-agent device list`)?",
        "{url} 没有图像：没有该设备；插好了吗？agent.toml 中的名称对吗（`edge-agent device list`）？",
    ),
    "cameras.device_denied": (
        "no pictures from {url}: this user may not read it; whoever runs the agent must be in its group (video)",
        "{url} 没有图像：当前用户无权读取；运行 agent 的用户须在 video 组中",
    ),
    "cameras.device_busy": (
        "no pictures from {url}: another program has it; end that program",
        "{url} 没有图像：被其他程序占用；请结束该程序",
    ),
    "cameras.device_gone": (
        "no pictures from {url}: it was unplugged, or no camera gives pictures there (most have several devices, and "
        "one of them does); check the url in agent.toml",
        "{url} 没有图像：已被拔出，或该设备不输出图像（多数摄像头有多个设备，只有一个输出）；"
        "请检查 agent.toml 中的 url",
    ),
    "cameras.device_none": (
        "no pictures from {url}: no camera gives pictures there (most have several devices, and one of them does); "
        "check the url in agent.toml",
        "{url} 没有图像：该设备不输出图像（多数摄像头有多个设备，只有一个输出）；请检查 agent.toml 中的 url",
    ),
    "cameras.device_room": (
        "no pictures from {url}: its USB bus has no room left for it: ask for a smaller size, or plug it in elsewhere",
        "{url} 没有图像：所在 USB 总线带宽不足：请用较小的分辨率，或换插其他接口",
    ),
    "cameras.device_not_yours": (
        "no pictures from {url}: this user may not look at the agent's cameras; be root, or the user it runs as",
        "{url} 没有图像：当前用户无权查看 agent 的摄像头；请用 root 或 agent 的运行用户",
    ),
    "cameras.device_opening": ("no pictures from {url} yet: it is being opened", "{url} 尚无图像：正在打开"),
    "cameras.device_viewers": (
        "no pictures from {url}: too many look on; close some of them",
        "{url} 没有图像：同时查看的过多；请关闭一些",
    ),
}
