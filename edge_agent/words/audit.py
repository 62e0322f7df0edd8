"""Sentences of the register of retrievals."""

WORDS: dict[str, tuple[str, str]] = {
    "audit.not_written": (
        "{file} cannot be written ({why}): what was asked for is not shown, because it could not be registered",
        "无法写入 {file}（{why}）：因未能登记，不予显示",
    ),
    "audit.not_read": ("{file} cannot be read: {why}", "无法读取 {file}：{why}"),
    "audit.recorded": ("entry {number} ({hash}…)", "已登记第 {number} 条（{hash}…）"),
    "audit.unreadable": (
        "{file}, line {line}: not an entry; a copy of the file from a backup shows what stood there",
        "{file} 第 {line} 行：不是登记条目；请对照备份查看原内容",
    ),
    "audit.altered": (
        "{file}, line {line}: was altered after it was written; compare it with a backup",
        "{file} 第 {line} 行：写入后被改动；请与备份对照",
    ),
    "audit.unlinked": (
        "{file}, line {line}: something before it is missing or was moved; compare it with a backup",
        "{file} 第 {line} 行：之前有条目缺失或被移动；请与备份对照",
    ),
    "audit.verified": (
        "{count} entries, {first} to {last}; newest hash {head}",
        "共 {count} 条，第 {first} 至 {last} 条；最新哈希 {head}",
    ),
    "audit.notice": (
        "Notice of a personal-data breach (entry {number} of the register, {at}, gateway {gateway})\n"
        "1. Kinds of data: {what}\n2. People concerned, as far as known: {persons}\n3. Cause: {cause}\n"
        "4. Possible harm: {harm}\n5. What was done, and what you can do: {done}\n6. Contact: {contact}",
        "个人信息安全事件告知书（登记第 {number} 条，{at}，网关 {gateway}）\n"
        "一、涉及的个人信息种类：{what}\n二、已知涉及人数：{persons}\n三、原因：{cause}\n"
        "四、可能造成的危害：{harm}\n五、已采取的补救措施及个人可采取的减轻危害措施：{done}\n六、联系方式：{contact}",
    ),
}
