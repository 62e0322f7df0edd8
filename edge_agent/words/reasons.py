"""What the operating system and the TOML parser give as a reason, which they say in English, in Chinese."""

import ast
import errno
import os
import re

_SYSTEM = {
    errno.EPERM: "不允许的操作",
    errno.ENOENT: "没有那个文件或目录",
    errno.EIO: "输入/输出错误（介质或连线故障）",
    errno.ENXIO: "没有那个设备",
    errno.EBADF: "错误的文件描述符",
    errno.EAGAIN: "资源暂时不可用",
    errno.ENOMEM: "内存不足",
    errno.EACCES: "权限不够",
    errno.EBUSY: "设备或资源忙",
    errno.EEXIST: "文件已存在",
    errno.EXDEV: "不在同一个文件系统上",
    errno.ENODEV: "没有那个设备",
    errno.ENOTDIR: "不是目录",
    errno.EISDIR: "是一个目录",
    errno.EINVAL: "无效的参数",
    errno.EMFILE: "打开的文件过多",
    errno.ENOTTY: "设备不支持该操作",
    errno.EFBIG: "文件过大",
    errno.ENOSPC: "磁盘空间不足",
    errno.EROFS: "只读文件系统",
    errno.EPIPE: "管道已断开",
    errno.ENAMETOOLONG: "文件名过长",
    errno.ENOTEMPTY: "目录非空",
    errno.ELOOP: "符号链接层数过多",
    errno.EADDRINUSE: "地址已被占用",
    errno.EADDRNOTAVAIL: "本机没有这个地址",
    errno.ENETUNREACH: "网络不可达",
    errno.EHOSTUNREACH: "没有到主机的路由",
    errno.ECONNREFUSED: "连接被拒绝",
    errno.ECONNRESET: "连接被对方重置",
    errno.ECONNABORTED: "连接已中止",
    errno.ETIMEDOUT: "连接超时",
    errno.EDQUOT: "超出磁盘配额",
    errno.EPROTO: "协议错误",
}
_OTHER = {
    "timed out": "超时",
    "Name or service not known": "域名无法解析",
    "Temporary failure in name resolution": "域名解析暂时失败",
    "No address associated with hostname": "域名没有对应的地址",
    "Expected \"'''\"": "多行字符串没有结束引号",
    'Expected \'"""\'': "多行字符串没有结束引号",
    "Expected '=' after a key in a key/value pair": "键之后应为 =",
    "Invalid value": "值无效",
    "Invalid statement": "语句无效",
    "Expected newline or end of document after a statement": "语句之后应换行",
    "Unclosed array": "数组没有以 ] 结束",
    "Unclosed inline table": "内联表没有以 } 结束",
    "Unterminated string": "字符串没有结束引号",
    "Unescaped '\\' in a string": "字符串中的 \\ 须写作 \\\\",
    "Expected ']' at the end of a table declaration": "表名之后应为 ]",
    "Expected ']]' at the end of an array declaration": "表名之后应为 ]]",
    "Invalid initial character for a key part": "键名的首字符无效",
    "Cannot overwrite a value": "同一个键写了两次",
    "Invalid date or datetime": "日期或时间无效",
    "Invalid hex value": "十六进制值无效",
    "Escaped character is not a Unicode scalar value": "转义字符不是有效的 Unicode 字符",
}
_FORMS = (
    (re.compile(r"Cannot declare (.+) twice"), "表 {} 声明了两次"),
    (re.compile(r"Duplicate inline table key (.+)"), "内联表中键 {} 重复"),
    (re.compile(r"Cannot mutate immutable namespace (.+)"), "表 {} 已写完，不能再添加"),
    (re.compile(r"Cannot redefine namespace (.+)"), "表 {} 不能重新定义"),
    (re.compile(r"Illegal character (.+)"), "不允许的字符 {}"),
    (re.compile(r"Found invalid character (.+)"), "不允许的字符 {}"),
    (re.compile(r"'utf-8' codec can't decode byte .* in position (\d+).*"), "位置 {} 处不是 UTF-8 编码"),
)
_AT = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)
_NUMBERED = re.compile(
    r"\[Errno (-?\d+)\] (?:(?P<what>[^'\"]*)(?P<file>: (['\"]).*\4)?|Connect call failed (?P<to>\(.*\)))"
)
_SEVERAL = "Multiple exceptions: "  # asyncio, of a name with several addresses
_KNOWN = {os.strerror(number): chinese for number, chinese in _SYSTEM.items()} | _OTHER


def chinese(why: str) -> str:
    """`why` in Chinese; as it is where nothing here knows it."""
    if why.startswith(_SEVERAL):
        return "；".join(map(chinese, re.split(r", (?=\[Errno )", why.removeprefix(_SEVERAL))))
    if numbered := _NUMBERED.fullmatch(why):
        said = _SYSTEM.get(int(numbered[1])) or _OTHER.get(numbered["what"] or "")
        about = numbered["file"] or (f": {numbered['to']}" if numbered["to"] else "")
        return why if said is None else said + about.replace(": ", "：", 1)
    if at := _AT.fullmatch(why):
        where = f"第 {at['line']} 行第 {at['column']} 列" if at["line"] else "文件末尾"
        return f"{chinese(at['what'])}（{where}）"
    if why in _KNOWN:
        return _KNOWN[why]
    found = next(((form, match) for pattern, form in _FORMS if (match := pattern.fullmatch(why))), None)
    return why if found is None else found[0].format(*map(_plain, found[1].groups()))


def _plain(part: str) -> str:
    """A name or a character as Python shows it, as it is written in the file."""
    if part.startswith("("):
        return ".".join(map(str, ast.literal_eval(part)))
    return {"'\\n'": "换行", "'\\r'": "回车"}.get(part, part)
