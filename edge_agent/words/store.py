"""Sentences about: store."""

WORDS: dict[str, tuple[str, str]] = {
    "store.busy": (
        "{file} is locked by another program. Close whatever has it open and try again.",
        "{file} 正被其他程序锁定。请关闭占用它的程序后重试。",
    ),
    "store.cannot_open": (
        "{file} cannot be opened ({why}). Check that the state directory exists and belongs to the agent's user.",
        "无法打开 {file}（{why}）。请检查状态目录是否存在并属于本程序的用户。",
    ),
    "store.consents_lost": (
        "{faces} holds the faces of {count} people, and {people} knows of no consent, not even of one that has ended: "
        "it was lost. No face is destroyed. Restore {people} from its backup before anybody is enrolled anew; if there "
        "is none, remove {faces}.",
        "{faces} 中有 {count} 人的人脸，而 {people} 中没有任何同意记录（包括已结束的）：该文件已丢失。"
        "暂不删除任何人脸。请在重新录入前从备份恢复 {people}；如无备份，请删除 {faces}。",
    ),
    "store.damaged": (
        "{file} is damaged ({why}). Restart the agent: it sets the file aside (never deletes it) and begins a new one.",
        "{file} 已损坏（{why}）。请重启本程序：它会把该文件改名保留（不会删除）并建立新文件。",
    ),
    "store.disk_full": (
        "The disk is full: {file} cannot be written. Free some space; the agent goes on by itself.",
        "磁盘已满：无法写入 {file}。请清理空间，本程序会自动恢复。",
    ),
    "store.failing": (
        "{file} cannot be read or written ({why}). Check the storage medium (dmesg) and replace it if it fails.",
        "{file} 读写失败（{why}）。请检查存储介质（dmesg），如有故障请更换。",
    ),
    "store.from_the_future": (
        "The {kind} database was made by a newer version (it has {unknown}). Update the agent; nothing was changed.",
        "{kind} 数据库由更新的版本创建（含有 {unknown}）。请升级本程序；文件未被改动。",
    ),
    "store.in_use": (
        "{file} is already written by another running agent. Stop that one first (systemctl stop edge-agent).",
        "{file} 正由另一个运行中的程序写入。请先停止它（systemctl stop edge-agent）。",
    ),
    "store.no_directory": (
        "The state directory {directory} cannot be made ({why}). Create it and give it to the agent's user.",
        "无法建立状态目录 {directory}（{why}）。请手动建立并将其归属本程序的用户。",
    ),
    "store.no_journal": (
        "There is no journal at {file}. Has the agent run with this state directory?",
        "{file} 处没有日志库。本程序是否曾使用此状态目录运行？",
    ),
    "store.not_ours": (
        "{file} is not a {kind} database of this agent (found: {found}). It was not touched: move it away, or point "
        "the agent to another state directory.",
        "{file} 不是本程序的 {kind} 数据库（实为：{found}）。文件未被改动：请移走它，或改用其他状态目录。",
    ),
    "store.pragma": (
        "{file}: SQLite answers {pragma} = {got} instead of {wanted}. This file system cannot keep events safely; "
        "put the state directory on a local disk.",
        "{file}：SQLite 的 {pragma} 为 {got} 而非 {wanted}。此文件系统无法安全保存事件，请把状态目录放在本地磁盘上。",
    ),
    "store.read_only": (
        "{file} is on a read-only file system. Remount it writable, or replace the card if it made itself read-only.",
        "{file} 所在的文件系统是只读的。请重新挂载为可写；若存储卡自行变为只读，请更换。",
    ),
    "store.card_taken": (
        "The card or plate of {person} already belongs to {owner}. Revoke it there first, or correct the number.",
        "{person} 的卡或车牌已属于 {owner}。请先在那里挂失，或更正号码。",
    ),
    "store.no_rule": (
        "There is no rule {rule} in people.db. Rules of the site kind are changed by a rule of the same id.",
        "people.db 中没有规则 {rule}。场所类型自带的规则请用相同编号的规则覆盖。",
    ),
    "store.no_schedule": (
        "There is no schedule {schedule} in people.db.",
        "people.db 中没有时间表 {schedule}。",
    ),
    "store.day_taken": (
        "{day} cannot be of {group}: it is of {owner} already. A day has one group; take it out of the other.",
        "{day} 不能归入 {group}：它已属于 {owner}。一天只能属于一个组，请先从另一组移出。",
    ),
    "store.pin_beside_card": (
        "The PIN of {person} works after a card only: {file} is not there. Make it with `edge-agent keys init`, then "
        "enter the PIN again.",
        "{person} 的密码只能在刷卡后使用：缺少 {file}。请用 `edge-agent keys init` 生成后重新录入密码。",
    ),
    "store.pass_door": (
        "There is no door {door} in the configuration. Its doors: {known}.",
        "配置中没有门 {door}。现有的门：{known}。",
    ),
    "store.pass_over": (
        "The pass would be over before it begins (--until {until}). Give a later end.",
        "通行码在生效前就已过期（--until {until}）。请给出更晚的结束时间。",
    ),
    "store.pass_unfit": (
        "No pass can be made for {person}: {why}. Name fewer doors.",
        "无法为 {person} 生成通行码：{why}。请减少门的数量。",
    ),
    "store.pass_made": (
        "pass {jti} of {person}, until {until}; it ends earlier with: edge-agent people revoke-pass {jti}",
        "{person} 的通行码 {jti}，有效至 {until}；提前作废：edge-agent people revoke-pass {jti}",
    ),
    "store.pass_clock": (
        "warning: this machine's clock is not synchronised, and until it is the gate refuses passes and all that hangs "
        "on dates; see `timedatectl`",
        "提示：本机时钟尚未同步；同步之前，门口会拒绝通行码及一切与日期有关的许可；请查看 `timedatectl`",
    ),
    "store.pass_revoked": ("pass {jti} of {person} is revoked", "{person} 的通行码 {jti} 已作废"),
    "store.pass_unknown": (
        "no pass {jti} was made with this people.db; should there be one, it is revoked",
        "此 people.db 未签发过通行码 {jti}；若存在，也已作废",
    ),
    "store.entry_plate": (
        "{found} is no number plate. Write 2 to 16 letters, digits or Chinese characters.",
        "{found} 不是车牌号。请填写 2 到 16 个字母、数字或汉字。",
    ),
    "store.entry_uses": (
        "max_uses {found} is not a number from 1 to {most}. Leave it empty for no limit.",
        "max_uses 的 {found} 不是 1 到 {most} 的整数。不限次数请留空。",
    ),
    "store.entry_card_both": (
        "The card and the duress card of {person} are the same. A duress card is a second card.",
        "{person} 的普通卡和胁迫卡是同一张。胁迫卡必须是另一张卡。",
    ),
    "store.entry_host": (
        "The host {found} of {person} is no person's id. Give the id of somebody else.",
        "{person} 的被访人 {found} 不是人员编号。请填写另一个人的编号。",
    ),
    "store.entry_flag": (
        "{column} {found} is neither yes nor no. Write yes or no.",
        "{column} 的 {found} 不是 yes 或 no。请填写 yes 或 no（是或否）。",
    ),
    "store.index_key_exists": (
        "The key {file} exists already. It is not replaced: PINs alone and phone numbers would not be known any more.",
        "密钥 {file} 已存在。不会覆盖它，否则单独输入的密码和电话号码将无法识别。",
    ),
    "store.index_key_unreadable": (
        "The key {file} cannot be read or written ({why}). Cards, and PINs after a card, work without it. Restore it "
        "from its backup: under a new key PINs alone and phone numbers are not known any more.",
        "无法读写密钥 {file}（{why}）。刷卡及刷卡后的密码不受影响。请从备份恢复；换用新密钥后，"
        "单独输入的密码和电话号码将无法识别。",
    ),
    "store.index_key_form": (
        "The key {file} is not 64 hexadecimal digits. Restore it from its backup, or move it away, make a new one and "
        "enter the PINs again.",
        "密钥 {file} 不是 64 位十六进制数字。请从备份恢复；或移走它、新建密钥并重新录入密码。",
    ),
    "store.no_person": (
        "There is no person {person}. `edge-agent people list` shows who there is; `people add` adds somebody.",
        "没有人员 {person}。可用 `edge-agent people list` 查看，用 `people add` 添加。",
    ),
    "store.guardian_missing": (
        "{person} is a child: name who agreed for them (guardian).",
        "{person} 为儿童：请注明代为同意的监护人（guardian）。",
    ),
    "store.no_card": (
        "{person} has no such card. Check the number and its format.",
        "{person} 没有这张卡。请核对卡号和格式。",
    ),
    "store.entry_incomplete": (
        "{person} is new here. Give a name and a category.",
        "{person} 尚未登记。请给出姓名和类别。",
    ),
    "store.entry_validity_stored": (
        "{person} would be valid until a moment that is not after the first one (one of them was stored before). Give "
        "both, or clear the other.",
        "{person} 的有效期结束时间不晚于开始时间（其中之一是以前存入的）。请同时给出两者，或清除另一个。",
    ),
    "store.person_twice": (
        "{person} is given twice; the first one was taken. Remove one of them.",
        "{person} 出现了两次，已采用第一条。请删除其中一条。",
    ),
    "store.csv_broken": (
        "this is not a CSV row ({why}). Check the quotation marks.",
        "此行不是有效的 CSV（{why}）。请检查引号。",
    ),
    "store.entry_card": (
        "the card number {found} does not fit the format {format} ({why}). Correct one of them.",
        "卡号 {found} 与格式 {format} 不符（{why}）。请更正其一。",
    ),
    "store.entry_category": (
        "the category {found} is not known. Use one of: {known}.",
        "未知的人员类别 {found}。可用的类别：{known}。",
    ),
    "store.csv_cells": (
        "{found} cells instead of {wanted}. Put text that contains a comma into quotation marks.",
        "有 {found} 个单元格，应为 {wanted} 个。含逗号的文字请用引号括起。",
    ),
    "store.csv_columns": (
        "columns are missing: {absent}. The first line must name at least {known}. Nothing was imported.",
        "缺少列：{absent}。第一行至少应包含 {known}。未导入任何内容。",
    ),
    "store.entry_date": (
        "{column} {found} is not a date. Write 2026-05-04, 2026/5/4 or 2026-05-04T18:00: the year first, since 4/5 "
        "could be two days.",
        "{column} 的 {found} 不是日期。请写成 2026-05-04、2026/5/4 或 2026-05-04T18:00："
        "年份在前（4/5 可指两个不同的日子）。",
    ),
    "store.csv_workbook": (
        "this is an Excel workbook, not a CSV. Open it in Excel, choose “Save as”, “CSV UTF-8 (comma delimited)”, and "
        "import that file. Nothing was imported.",
        "这是 Excel 工作簿，不是 CSV。请在 Excel 中“另存为”→“CSV UTF-8（逗号分隔）”，再导入该文件。未导入任何内容。",
    ),
    "store.csv_separator": (
        "the columns are separated by {found}, not by commas. Save the list as “CSV UTF-8 (comma delimited)”; where "
        "the spreadsheet still writes {found}, set the system's list separator to a comma first. Nothing was imported.",
        "各列用 {found} 分隔，而不是英文逗号。请另存为“CSV UTF-8（逗号分隔）”；若仍是 {found}，"
        "请先把系统区域设置中的列表分隔符改为英文逗号。未导入任何内容。",
    ),
    "store.csv_encoding": (
        "the file is neither UTF-8 nor GB18030. Save it as CSV UTF-8. Nothing was imported.",
        "文件既不是 UTF-8 也不是 GB18030。请另存为 CSV UTF-8。未导入任何内容。",
    ),
    "store.entry_no_name": (
        "{person} has no name. Fill in the name.",
        "{person} 没有姓名。请填写姓名。",
    ),
    "store.entry_person_id": (
        "the person_id {found!r} cannot be used. It goes to the city: no name, no phone number; 1 to 64 letters "
        "(A-Z), digits, dots, dashes or underscores, a letter or digit first.",
        "person_id {found!r} 不可用。它会上报平台，不得含姓名或电话；请使用 1 到 64 个英文字母、数字、点、短横线或"
        "下划线，且以字母或数字开头。",
    ),
    "store.entry_pin": (
        "the PIN of {person} is not 4 to 12 digits. Correct it, or give an empty one for none.",
        "{person} 的密码不是 4 到 12 位数字。请更正，或留空表示不设密码。",
    ),
    "store.csv_strange": (
        "these columns are unknown or named twice: {strange}. Known are {known}. Nothing was imported.",
        "以下列未知或重复：{strange}。可用的列：{known}。未导入任何内容。",
    ),
    "store.csv_too_large": (
        "the file has {size_mb} MB, more than {most_mb}. Split it.",
        "文件有 {size_mb} MB，超过 {most_mb} MB。请拆分。",
    ),
    "store.csv_twice": (
        "{person} was already on line {first}; that one was taken. Remove one of them.",
        "{person} 已在第 {first} 行出现，已采用该行。请删除其中一行。",
    ),
    "store.csv_unreadable": (
        "the file cannot be read ({why}). Check its name and permissions.",
        "无法读取文件（{why}）。请检查文件名和权限。",
    ),
    "store.entry_validity": (
        "valid_until {end} is not after valid_from {start}. Correct one of them.",
        "valid_until {end} 不晚于 valid_from {start}。请更正其一。",
    ),
    "store.erase_unfinished": (
        "The face templates are erased, but a reader keeps old bytes in the log of {file}. Run the command again.",
        "人脸模板已删除，但仍有程序在读取，{file} 的日志中尚有旧数据。请再次执行该命令。",
    ),
    "store.sealed_altered": (
        "{file} is not what was written: it was altered, cut, or sealed with another key",
        "{file} 与写入时不一致：被改动、被截断，或密钥不符",
    ),
    "store.evidence_folder": (
        "No evidence can be put into {folder}: it is read-only for this user. Give it to the agent's user "
        "(chown, chmod u+rwx), or mount its disk writable.",
        "无法向 {folder} 写入证据：当前用户只能读取。请将其归属本程序的用户（chown、chmod u+rwx），"
        "或以可写方式挂载其磁盘。",
    ),
    "store.evidence_elsewhere": (
        "evidence {evidence} has to go, but lies on the disk {disk}, which is not mounted at {folder}: mount it there. "
        "If it is gone for good, add the line {disk} to {folder}/disk.id.",
        "证据 {evidence} 应删除，但位于磁盘 {disk}，它未挂载到 {folder}：请挂载。"
        "若该磁盘已无法恢复，请在 {folder}/disk.id 中加一行 {disk}。",
    ),
    "store.evidence_file": ("evidence {file}: {why}", "证据 {file}：{why}"),
    "store.key_exists": (
        "The key {file} exists already. It is not replaced: all templates would be lost.",
        "密钥 {file} 已存在。不会覆盖它，否则全部模板将失效。",
    ),
    "store.key_open": (
        "The key {file} can be read by others. Run: chmod 600 {file}",
        "密钥 {file} 可被他人读取。请执行：chmod 600 {file}",
    ),
    "store.key_size": (
        "The key {file} has {found} bytes instead of {wanted}. Restore it from its backup, or make a new one.",
        "密钥 {file} 有 {found} 字节，应为 {wanted} 字节。请从备份恢复，或新建密钥。",
    ),
    "store.key_unreadable": (
        "The key {file} cannot be read or written ({why}). Cards work without it. Restore it from its backup; "
        "`edge-agent keys init` makes a new one, which opens nothing that was sealed before.",
        "无法读写密钥 {file}（{why}）。刷卡不受影响。请从备份恢复；`edge-agent keys init` 可生成新密钥，"
        "但无法打开此前加密的内容。",
    ),
    "store.key_wrong": (
        "{file} was sealed with another key or for another gateway, or was altered. Restore the right key, or move the "
        "file away and enrol again; cards work without it.",
        "{file} 是用其他密钥或为其他网关加密的，或已被改动。请恢复正确的密钥，或移走文件重新登记人脸；刷卡不受影响。",
    ),
    "store.no_agent": (
        "No agent answers at {socket}. Start it (edge-agent run), or give its state directory.",
        "{socket} 无程序应答。请启动（edge-agent run），或指定其状态目录。",
    ),
    "store.socket": (
        "The socket {socket} cannot be made ({why}). The daemon's user must be able to write in its folder.",
        "无法建立套接字 {socket}（{why}）。守护进程用户须能写入其所在目录。",
    ),
    "store.list_id": (
        "the id {found!r} cannot be used: 1 to 64 letters (A-Z), digits, dots, dashes or underscores, a letter or "
        "digit first.",
        "编号 {found!r} 不可用：请使用 1 到 64 个英文字母、数字、点、短横线或下划线，且以字母或数字开头。",
    ),
    "store.list_twice": (
        "{name} was given already ({first}); that one was taken. Remove one of them.",
        "{name} 已经给出过（{first}），已采用前者。请删除其中之一。",
    ),
    "store.list_rule_empty": (
        "the rule {rule} names no door, or neither categories nor persons. Name whom it lets pass and where.",
        "规则 {rule} 未指明门，或既无类别也无人员。请写明允许谁通过哪里。",
    ),
    "store.list_effect": (
        "the effect {found!r} of rule {rule} is neither permit nor deny. Write one of them.",
        "规则 {rule} 的 effect 为 {found!r}，应为 permit 或 deny。请更正。",
    ),
    "store.list_span": (
        "the span {found} on days {days} is none. Write days 1 (Monday) to 7, and a start before 24:00.",
        "时段 {found}（星期 {days}）无效。请填写 1（周一）到 7，且开始时间早于 24:00。",
    ),
    "store.list_weekday": (
        "the days {found!r} are none. Write 1 (Monday) to 7, for instance 1-5 or 1;3;7.",
        "星期 {found!r} 无效。请填写 1（周一）到 7，例如 1-5 或 1;3;7。",
    ),
    "store.list_date": (
        "{found!r} is no day and no range of at most a year. Write 2026-10-01 or 2026-10-01..2026-10-07.",
        "{found!r} 不是日期，也不是一年以内的日期范围。请写成 2026-10-01 或 2026-10-01..2026-10-07。",
    ),
    "store.list_time": (
        "{found!r} is no time of day. Write 08:00, up to 24:00.",
        "{found!r} 不是时间。请写成 08:00，最大 24:00。",
    ),
    "store.list_recurrence": (
        "the recurrence {rule!r} cannot be used ({why}). Write an RRULE of RFC 5545, and at most a week of minutes.",
        "重复规则 {rule!r} 不可用（{why}）。请按 RFC 5545 填写 RRULE，时长不超过一周。",
    ),
    "store.list_recurs_often": (
        "the recurrence {rule!r} comes more often than daily. Write the times of a day as spans.",
        "重复规则 {rule!r} 比每天更频繁。一天内的多个时间请用时段表示。",
    ),
    "store.list_toml": (
        "this is not TOML ({why}). Correct it there. Nothing of the file was imported.",
        "不是有效的 TOML（{why}）。请在该处更正。未导入该文件的任何内容。",
    ),
    "store.list_table": (
        "the table {name} is not known. Known are {known}.",
        "未知的表 {name}。可用的表：{known}。",
    ),
    "store.list_array": (
        "{name} is one table. Write [[{name}]], with two brackets, for each.",
        "{name} 只是单个表。每一项请写成 [[{name}]]（双方括号）。",
    ),
    "store.list_form": ("this cannot be used: {why}. Correct it.", "此项不可用：{why}。请更正。"),
    "store.list_text": (
        "{name} is no text. Put it into quotation marks.",
        "{name} 不是文字。请加引号。",
    ),
    "store.list_kind": (
        "a credential of the kind {found!r} cannot be given. Write card, plate or qr; a PIN or a phone number belongs "
        "to the person.",
        "不能录入 {found!r} 类型的凭证。请填写 card、plate 或 qr；密码和电话请写在人员中。",
    ),
    "store.list_door": (
        "there is no door {found}. Known are {known}.",
        "没有门 {found}。现有的门：{known}。",
    ),
    "store.list_persons": (
        "there is no person {found}: neither here nor in the list. Add them first, or correct the id.",
        "没有人员 {found}：库中和文件中均无。请先添加或更正编号。",
    ),
    "store.list_schedule": (
        "there is no schedule {found}. Known are {known}.",
        "没有时间表 {found}。现有的时间表：{known}。",
    ),
    "store.ics_broken": (
        "{calendar} is no calendar that can be read ({why}). Export it again as iCalendar.",
        "无法读取日历 {calendar}（{why}）。请重新导出为 iCalendar。",
    ),
    "store.ics_event": (
        "the event {event!r} cannot be used ({why}). It needs DTSTART and DTEND or DURATION.",
        "日程 {event!r} 不可用（{why}）。需要 DTSTART 以及 DTEND 或 DURATION。",
    ),
    "store.ics_moved": (
        "the event {event!r} moves one occurrence of another. Leave that one out (EXDATE) and add an event of its own.",
        "日程 {event!r} 移动了另一日程的某次出现。请用 EXDATE 排除该次，并单独新建日程。",
    ),
    "store.ics_long": (
        "the event {event!r} is longer than a week. Divide it, or write it as whole days without a rule.",
        "日程 {event!r} 超过一周。请拆分，或写成无重复规则的全天日程。",
    ),
    "store.ics_rules": (
        "the event {event!r} has several rules. Make one event of each.",
        "日程 {event!r} 含有多条规则。请分成多个日程。",
    ),
    "store.ics_timed": (
        "the event {event!r} is not of whole days. Special days take all-day events only.",
        "日程 {event!r} 不是全天日程。特殊日只接受全天日程。",
    ),
    "store.ics_zone": (
        "the event {event!r} repeats by the days of another time zone. Enter it in {zone}.",
        "日程 {event!r} 按其他时区的日期重复。请用 {zone} 时区录入。",
    ),
    "store.import_done": (
        "{added} added, {changed} changed, {unchanged} unchanged, {refused} refused; read: {files}",
        "新增 {added}，更改 {changed}，未变 {unchanged}，拒绝 {refused}；已读取：{files}",
    ),
    "store.import_dry": (
        "{added} would be added, {changed} changed, {unchanged} are unchanged, {refused} refused; nothing was changed; "
        "read: {files}",
        "将新增 {added}，更改 {changed}，未变 {unchanged}，拒绝 {refused}；未作任何改动；已读取：{files}",
    ),
    "store.import_unchanged": ("{count} unchanged", "{count} 项未变"),
    "store.kind.person": ("person", "人员"),
    "store.kind.credential": ("credential", "凭证"),
    "store.kind.rule": ("rule", "规则"),
    "store.kind.schedule": ("schedule", "时间表"),
    "store.kind.special_days": ("special days", "特殊日"),
}
