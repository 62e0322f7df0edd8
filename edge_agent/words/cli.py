"""Sentences of the command line."""

WORDS: dict[str, tuple[str, str]] = {
    "cli.config_good": (
        "{file}: good — {doors} doors, {terminals} terminals, {cameras} cameras; {profiles} profiles with "
        "{examples} examples checked",
        "{file}：正常 — 门 {doors}，读卡器 {terminals}，摄像头 {cameras}；已检查配置 {profiles} 份、示例 {examples} 个",
    ),
    "cli.problems": ("{count} to mend", "需要修正 {count} 处"),
    "cli.no_folder": (
        "the folder {folder} cannot be made ({why}); name another one, or make it and give it to this user",
        "无法创建目录 {folder}（{why}）；请另选目录，或先创建并授权给当前用户",
    ),
    "cli.following": ("following from event {seq} on", "从事件 {seq} 之后开始跟随"),
    "cli.chain_whole": (
        "whole: {count} events, {first} to {last} of epoch {epoch}; {signed} signed checkpoints, up to event {upto}",
        "完整:共 {count} 条事件,纪元 {epoch} 的第 {first} 至 {last} 条;{signed} 个签名检查点,截至第 {upto} 条",
    ),
    "cli.chain_broken": (
        "NOT whole: {faults} faults in {count} events, {first} to {last} of epoch {epoch}; keep a copy of the state "
        "directory before anything else",
        "不完整:{count} 条事件(纪元 {epoch} 的第 {first} 至 {last} 条)中有 {faults} 处错误;请先备份 state 目录",
    ),
    "cli.chain_missing": ("before event {seq} something is missing", "第 {seq} 条事件之前有缺失"),
    "cli.chain_altered": ("event {seq} was altered", "第 {seq} 条事件被改动"),
    "cli.chain_unlinked": ("event {seq} does not follow the one before it", "第 {seq} 条事件与前一条不衔接"),
    "cli.chain_unsigned": (
        "the checkpoint at event {seq} is not this gateway's word",
        "第 {seq} 条处的检查点不是本网关签署的",
    ),
    "cli.stopped": ("stopped", "已停止"),
    "cli.person_added": ("{person} added", "已添加 {person}"),
    "cli.person_updated": ("{person} updated", "已更新 {person}"),
    "cli.imported": (
        "{added} added, {updated} updated, {bad} refused ({encoding})",
        "新增 {added}，更新 {updated}，拒绝 {bad}（{encoding}）",
    ),
    "cli.enrolled": ("{person}: {count} photo(s) enrolled", "{person}：已登记 {count} 张照片"),
    "cli.no_consent": (
        "no face without consent: once {person} has agreed, name the version of the text (consent)",
        "未经同意不得登记人脸：{person} 同意后请注明同意文本的版本（consent）",
    ),
    "cli.no_person": (
        "there is no person {person}; add them first with `people add`",
        "没有 {person}；请先用 `people add` 添加",
    ),
    "cli.blocked": ("{person} is blocked: no door opens for them", "{person} 已停用：任何门都不再放行"),
    "cli.unblocked": ("{person} is no longer blocked", "{person} 已恢复"),
    "cli.card_revoked": ("{person}: card {card} is revoked", "{person}：卡 {card} 已挂失"),
    "cli.card_stays": (
        "the card of {person} is {state} and stays so: it opens nothing; give another card",
        "{person} 的卡处于 {state} 状态且保持不变：不能开门；请换发新卡",
    ),
    "cli.removed": (
        "{person} removed: {cards} card(s), {pins} PIN(s); {consents} consent(s) ended and kept as proof",
        "已删除 {person}：卡 {cards}，密码 {pins}；{consents} 份同意已终止并留存备查",
    ),
    "cli.faces_erased": ("{person}: {count} face template(s) erased", "{person}：已销毁 {count} 个人脸模板"),
    "cli.faces_kept": (
        "{file} is there but its key {key} is not: face templates cannot be looked at; they are unreadable without it. "
        "Once the key is back, run: edge-agent face remove {person}",
        "有 {file} 但没有密钥 {key}：无法查看人脸模板，缺少密钥时模板也不可读。"
        "找回密钥后请执行：edge-agent face remove {person}",
    ),
    "cli.no_face": ("there is no face of {person} here", "此处没有 {person} 的人脸"),
    "cli.no_face_store": (
        "there is no {file}: nobody has enrolled a face with this state directory",
        "没有 {file}：此状态目录下尚未登记过人脸",
    ),
    "cli.face_twice": (
        "{path}: this photograph is enrolled already; use another one",
        "{path}：该照片已登记过；请换一张",
    ),
    "cli.face_duplicate": (
        "{path}: this face is enrolled as {other} already (distance {distance}): check who it is; twins are enrolled "
        "at the gateway's command line, with --allow-alike",
        "{path}：该人脸已登记为 {other}（距离 {distance}）：请核实身份；双胞胎请在网关命令行登记并加 --allow-alike",
    ),
    "cli.face_enough": (
        "{path}: {person} has {most} templates already, more do not help: `face remove` first to begin anew",
        "{path}：{person} 已有 {most} 个模板，无需更多；如需重新登记请先执行 face remove",
    ),
    "cli.no_other_credential": (
        "{person} has no card, PIN, code or phone number: a face is never the only way in; add one first",
        "{person} 没有卡、密码、二维码或手机号：人脸不得作为唯一通行方式；请先添加",
    ),
    "cli.consent_withdrawn": (
        "{person}: consent to `{purpose}` withdrawn; {templates} template(s) and {pictures} picture(s) destroyed",
        "{person}：已撤回“{purpose}”的同意；已销毁 {templates} 个模板、{pictures} 张照片",
    ),
    "cli.no_such_consent": (
        "{person} has not agreed to `{purpose}`: nothing was changed",
        "{person} 未曾同意“{purpose}”：未作更改",
    ),
    "cli.photos_unreadable": (
        "{file} is neither a folder nor a zip of photographs that can be read ({why})",
        "{file} 不是可读取的照片文件夹或 zip（{why}）",
    ),
    "cli.faces_imported": (
        "{people} person(s), {photos} photograph(s) enrolled; {done} done before; {bad} refused; read as {encoding}",
        "已登记 {people} 人 {photos} 张照片；此前已完成 {done} 张；拒绝 {bad} 张；编码 {encoding}",
    ),
    "cli.import_report": ("what was refused, and why: {file}", "拒绝清单及原因：{file}"),
    "cli.reading_faces": ("reading photographs", "正在读取照片"),
    "cli.lapsed": (
        "{person}: consent has ended; {count} template(s) destroyed",
        "{person}：同意已到期；已销毁 {count} 个模板",
    ),
    "cli.visit_over": (
        "{person}: the visit is over, {count} face template(s) destroyed",
        "{person}：访问已结束，已销毁 {count} 个人脸模板",
    ),
    "cli.agreed": (
        "{person} agrees to the text {version}; enrol them now at: {terminals}",
        "{person} 已同意文本 {version}；请到以下终端登记：{terminals}",
    ),
    "cli.pending": (
        "{terminal}: the face of {person} is still to be deleted ({why}, since {since}); delete it there and say "
        "`face confirm {person} {terminal} --by NAME`, unless the terminal confirms by itself",
        "{terminal}：{person} 的人脸仍待删除（{why}，自 {since}）；请在终端上删除后执行 "
        "`face confirm {person} {terminal} --by 姓名`（能自动确认的终端除外）",
    ),
    "cli.nothing_pending": (
        "nothing is left to delete at {count} face terminal(s)",
        "{count} 台人脸终端均无待删除的人脸",
    ),
    "cli.not_pending": (
        "no deletion of {person} is open at {terminal}; see `face pending`",
        "{terminal} 没有 {person} 的待删除项；请查看 `face pending`",
    ),
    "cli.confirmed": ("{terminal}: the face of {person} is gone, noted", "{terminal}：{person} 的人脸已删除并记录"),
    "cli.nobody_lapsed": ("nobody's consent has ended", "没有到期的同意"),
    "cli.sign": (
        "{door}: this entrance recognises faces of those who agreed to it. Every resident may use a card or code "
        "instead. Asked and answered by: the management office.",
        "{door}：本出入口对已同意者使用人脸识别。住户均可改用刷卡或密码通行。咨询与投诉：物业服务中心。",
    ),
    "cli.looking": ("looking for faces and plates", "正在查找人脸和车牌"),
    "cli.hashing": ("hashing PINs", "正在处理密码"),
    "cli.column.id": ("id", "编号"),
    "cli.column.name": ("name", "姓名"),
    "cli.column.category": ("category", "类别"),
    "cli.column.house": ("house", "房号"),
    "cli.column.valid": ("valid", "有效"),
    "cli.column.cards": ("cards", "卡"),
    "cli.column.faces": ("faces", "人脸"),
    "cli.valid.always": ("yes", "是"),
    "cli.valid.blocked": ("blocked", "已停用"),
    "cli.valid.expired": ("expired {day}", "已于 {day} 到期"),
    "cli.valid.later": ("from {day}", "{day} 起"),
    "cli.valid.until": ("until {day}", "至 {day}"),
    "cli.keys_requested": (
        "request written: {request}. Give it to the city; the certificate it gives back goes into uplink.tls.cert, "
        "and {key} into uplink.tls.key",
        "已生成申请文件：{request}。请交给城市平台；平台签发的证书填入 uplink.tls.cert，{key} 填入 uplink.tls.key",
    ),
    "cli.keys_rotated": (
        "signing key {new} follows {old}. Restart the agent: the city learns of it with the next connection",
        "签名密钥已由 {old} 换为 {new}。请重启主程序：平台将在下次连接时得知",
    ),
    "cli.keys_made": ("made: {files}", "已生成：{files}"),
    "cli.keys_kept": ("kept: {files}", "保留：{files}"),
    "cli.command_sent": ("command {id} sent", "指令 {id} 已发送"),
    "cli.command_done": ("{tag} after {ms} ms", "{tag}，用时 {ms} 毫秒"),
    "cli.command_silent": (
        "no answer within {s} s; the command has expired and is not begun any more",
        "{s} 秒内无应答；指令已失效，不会再开始执行",
    ),
    "cli.command_late": (
        "no answer within {s} s; it may still come into force: its result comes with the events",
        "{s} 秒内无应答；之后仍可能生效，结果随事件上报",
    ),
    "cli.init_written": (
        "wrote {file}; next: edge-agent keys init, put the city's two .pub files beside it, edge-agent check",
        "已写入 {file}；下一步：edge-agent keys init，放入平台的两个 .pub 文件，然后 edge-agent check",
    ),
    "cli.init_exists": ("{file} is there already; it is left as it is", "{file} 已存在，未作改动"),
    "demo.title": ("one simulated estate", "模拟小区"),
    "demo.broker": ("broker", "消息代理"),
    "demo.no_photos": (
        "no photographs: the steps with faces cannot be shown (see above)",
        "没有照片：无法演示人脸步骤（见上）",
    ),
    "demo.verdict_good": ("all {count} steps hold", "全部 {count} 步通过"),
    "demo.verdict_bad": ("{bad} of {count} steps failed", "{count} 步中 {bad} 步失败"),
    "demo.step1": ("resident's card opens the gate", "住户刷卡开门"),
    "demo.step2": ("unknown card is refused", "未登记卡被拒绝"),
    "demo.step3": ("resident's face from a new photograph", "住户人脸（新照片）"),
    "demo.step4": ("stranger's face is refused and leaves no trace", "陌生人脸被拒且不留痕迹"),
    "demo.step5": ("expired credential is refused", "过期凭证被拒绝"),
    "demo.step6": ("broker killed, 50 reads, broker back empty", "代理被杀，50 次读卡，空代理恢复"),
    "demo.step7": ("daemon killed in the middle of 50 reads", "50 次读卡途中杀死主程序"),
    "demo.step8": ("reader unplugged for 12 s", "读卡器断线 12 秒"),
    "demo.column.time": ("time", "时间"),
    "demo.column.what": ("what", "事件"),
    "demo.column.who": ("who", "人员"),
    "demo.column.detail": ("detail", "说明"),
    "demo.column.city": ("city", "平台"),
    "demo.card_opens": (
        "card → relay {relay:.0f} ms, → city {city:.0f} ms",
        "刷卡→继电器 {relay:.0f} 毫秒，→平台 {city:.0f} 毫秒",
    ),
    "demo.refused": ("{reason}, → city {city:.0f} ms", "{reason}，→平台 {city:.0f} 毫秒"),
    "demo.face_opens": ("first frame → relay {relay:.0f} ms", "首帧→继电器 {relay:.0f} 毫秒"),
    "demo.no_trace": (
        "refused after {ms:.0f} ms; {files} files, {kib} KiB searched, no trace",
        "{ms:.0f} 毫秒后拒绝；已搜索 {files} 个文件共 {kib} KiB，无痕迹",
    ),
    "demo.all_there": (
        "{count} of {count} in order, once, {s:.1f} s after the broker was back",
        "{count} 条全部到达、顺序正确、无重复，代理恢复后 {s:.1f} 秒",
    ),
    "demo.survived": (
        "{count} accepted, all stored; deciding again {s:.2f} s after restart",
        "已接收 {count} 条全部入库；重启 {s:.2f} 秒后恢复判断",
    ),
    "demo.came_back": (
        "lost and back; stale read refused (event {seq}); card {s:.1f} s after the cable ({ms:.0f} ms)",
        "断开并恢复；断线期间的读卡被拒（事件 {seq}）；接线 {s:.1f} 秒后刷卡有效（{ms:.0f} 毫秒）",
    ),
    "demo.good": ("holds", "通过"),
    "demo.bad": ("FAILED", "失败"),
    "demo.skipped": ("not shown", "未演示"),
    "demo.gate": ("gate", "大门"),
    "demo.journal": ("journal", "日志"),
    "demo.city": ("city has", "平台已存"),
    "demo.relay_on": ("relay on", "继电器通"),
    "demo.relay_off": ("relay off", "继电器断"),
    "demo.quit": ("Ctrl-C ends it", "按 Ctrl-C 结束"),
    # doors and alarms, by hand
    "control.forbidden": (
        "this user may not operate the gateway: use the user the agent runs as (sudo -u edge-agent …), or root",
        "此用户无权操作网关：请使用运行程序的用户（sudo -u edge-agent …）或 root",
    ),
    "control.busy": ("too many operators at once; try again in a moment", "同时操作的人太多；请稍后再试"),
    "control.silent_client": ("nothing was asked within 5 s; ask again", "5 秒内未收到请求；请重新发送"),
    "control.too_long": (
        "the request is too long: a name of at most 64 characters, a reason of at most 200",
        "请求过长：姓名最多 64 个字符，原因最多 200 个字符",
    ),
    "control.malformed": (
        "not a request: one line of JSON, without control characters; use edge-agent door",
        "不是有效请求：须为一行 JSON，不含控制字符；请使用 edge-agent door",
    ),
    "control.unknown_verb": (
        "the running agent does not know “{verb}”: is it an older version? Restart it",
        "运行中的程序不支持 “{verb}”：可能是旧版本，请重启",
    ),
    "control.nobody": (
        "somebody must answer for it: say who with --by NAME",
        "每次操作须有责任人：请用 --by 姓名 说明",
    ),
    "control.bad_time": ("the time must be longer than nothing, and a week at most", "时长必须大于零，且不超过一周"),
    "control.mute_too_long": (
        "a mute lasts 24 h at most; mute again when it is over",
        "静默最长 24 小时；到期后可再次静默",
    ),
    "control.failed": (
        "it was not done: a device or the journal cannot be reached; the agent's log says which",
        "未执行：设备或日志不可用；详见程序日志",
    ),
    "control.no_answer": (
        "no answer within {s:.0f} s: it may still be done; look with edge-agent events follow",
        "{s:.0f} 秒内无应答：可能仍会执行；请用 edge-agent events follow 查看",
    ),
    "control.cut_off": (
        "the agent ended in the middle: it may have been done; look with edge-agent events follow",
        "程序中途退出：可能已执行；请用 edge-agent events follow 查看",
    ),
    "control.refused": ("refused ({reason}): the agent's log says more", "被拒绝（{reason}）：详见程序日志"),
    "cli.no_door": ("there is no door “{door}”; there are: {doors}", "没有门 “{door}”；现有：{doors}"),
    "cli.which_door": (
        "name one door, or say --all: {doors}",
        "请指定一个门，或用 --all 表示全部：{doors}",
    ),
    "cli.bad_duration": (
        "“{text}” is no time: write 90s, 30m or 2h, up to {hours}h",
        "“{text}” 不是有效时长：请写 90s、30m 或 2h，最长 {hours}h",
    ),
    "cli.bad_latch": (
        "“{text}” is no alarm that stands: write fire, panic/ and the door ({doors}), or moved/ and a camera that was "
        "moved",
        "“{text}” 不是未解除的报警：请写 fire、panic/ 加门名（{doors}），或 moved/ 加被移动的摄像机名",
    ),
    "cli.no_alarm": ("no alarm stands", "没有未解除的报警"),
    "cli.muted": ("muted: {what}", "静默：{what}"),
    "cli.alarm_since": ("for {minutes} min", "已 {minutes} 分钟"),
    "cli.confirm_one": ("{what} {doors} for {lasting}?", "对 {doors} 执行{what}，持续 {lasting}？"),
    "cli.confirm_all": (
        "{what} all doors ({doors}) for {lasting}. Type the number of doors to go on",
        "对全部门（{doors}）执行{what}，持续 {lasting}。请输入门的数量以继续",
    ),
    "cli.confirm_wrong": ("not done: there are {count} doors", "未执行：共有 {count} 个门"),
    "cli.confirm_nobody": (
        "not done: nobody confirmed it; a program says --yes",
        "未执行：无人确认；程序调用请加 --yes",
    ),
    "cli.what.lockdown": ("Lock down", "紧急封锁"),
    "cli.what.evacuate": ("Evacuate through", "疏散开放"),
    "cli.did.open": ("{doors}: opened", "{doors}：已开门"),
    "cli.did.unlock": ("{doors}: unlocked {until}", "{doors}：已常开（{until}）"),
    "cli.did.lock": ("{doors}: locked {until}", "{doors}：已上锁（{until}）"),
    "cli.did.block": ("{doors}: blocked, nobody is let in {until}", "{doors}：已禁止进入（{until}）"),
    "cli.did.double_lock": ("{doors}: double-locked {until}", "{doors}：已双重上锁（{until}）"),
    "cli.did.normal": ("{doors}: back to normal", "{doors}：已恢复正常"),
    "cli.did.lockdown": ("{doors}: locked down {until}", "{doors}：已紧急封锁（{until}）"),
    "cli.did.evacuate": ("{doors}: open for evacuation {until}", "{doors}：已疏散开放（{until}）"),
    "cli.did.end_lockdown": ("{doors}: lockdown over", "{doors}：封锁已解除"),
    "cli.did.end_evacuation": ("{doors}: evacuation over", "{doors}：疏散已结束"),
    "cli.did.approve": ("{doors}: approved", "{doors}：已批准"),
    "cli.did.forgive": ("{person}: forgiven", "{person}：已赦免"),
    "cli.everybody": ("everybody", "所有人"),
    "cli.did.clear": ("{latch}: cleared", "{latch}：已解除"),
    "cli.until.back": ("until taken back", "直到取消"),
    "cli.until.for": ("for {lasting}", "{lasting}"),
    "cli.lasting_min": ("{count:g} min", "{count:g} 分钟"),
    "cli.lasting_s": ("{count:g} s", "{count:g} 秒"),
    "cli.door.locked": ("closed", "已关"),
    "cli.door.released": ("released", "已放行"),
    "cli.door.open": ("open", "打开"),
    "cli.door.held": ("held open", "未关好"),
    "cli.door.forced": ("forced", "强行打开"),
    "cli.door.unknown": ("no report yet", "尚无状态"),
}
