"""Sentences about GPIO lines."""

WORDS: dict[str, tuple[str, str]] = {
    "gpio.link": (
        "“{url}” names no chip: write gpio:///dev/gpiochip0, or its label as gpio://pinctrl-bcm2711",
        "“{url}” 没有指明 GPIO 芯片：请写 gpio:///dev/gpiochip0，或芯片标签，如 gpio://pinctrl-bcm2711",
    ),
    "gpio.no_library": (
        "libgpiod's Python binding cannot be used ({why}): install the package gpiod, 2.1 or newer",
        "无法使用 libgpiod 的 Python 绑定（{why}）：请安装 gpiod 2.1 或更高版本",
    ),
    "gpio.no_chip": (
        "there is no GPIO chip {chip}; there are: {present}. Correct the link's url, or load the chip's driver",
        "没有 GPIO 芯片 {chip}；现有：{present}。请更正链路的 url，或加载芯片驱动",
    ),
    "gpio.no_line": (
        "{chip} has no line {line}; it has 0 to {last}, with the names: {present}. Correct it in agent.toml",
        "{chip} 没有线路 {line}；可用 0 到 {last}，名称有：{present}。请在 agent.toml 中更正",
    ),
    "gpio.taken": (
        "{chip}: line {line} is in use ({user}): stop that program, or take the kernel driver off this line",
        "{chip}：线路 {line} 已被占用（{user}）：请停止该程序，或解除占用此线路的内核驱动",
    ),
    "gpio.forbidden": (
        "{chip} may not be opened: add the daemon's user to the group that owns it (gpio)",
        "没有打开 {chip} 的权限：请把服务用户加入其所属用户组（gpio）",
    ),
    "gpio.no_edges": (
        "{chip} does not take these lines ({why}): it reports no changes of an input, or cannot drive the relay's "
        "line; connect its interrupt wire, or use other lines",
        "{chip} 不支持这样使用线路（{why}）：它不能上报输入变化，或不能驱动继电器线路；请接上中断线或换用其他线路",
    ),
    "gpio.unnamed": (
        "door {door}: no line for “{input}”: write it as lines = {{ {input} = … }} (name or offset), "
        "or choose a number the board of {profile} has",
        "门 {door}：没有 “{input}” 的线路：请写 lines = {{ {input} = … }}（名称或编号），"
        "或选用 {profile} 板上已有的编号",
    ),
    "gpio.twice": (
        "GPIO line {line} is used twice, by door {door} and door {other}: a line belongs to one role of one door",
        "GPIO 线路 {line} 被使用两次（门 {door} 和门 {other}）：一条线路只能用于一扇门的一个用途",
    ),
    "gpio.deaf": (
        "the relay's line does not measure as set for a release: check for a short circuit",
        "开门时继电器线路的电平与设定不符：请检查是否短路",
    ),
    "gpio.stuck": (
        "the relay's line stays on though it was set to locked: the door is not locked, check the wiring",
        "继电器线路已设为锁闭但仍为开启：门未锁闭，请检查接线",
    ),
}
