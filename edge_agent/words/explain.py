"""Sentences about who may pass and why, and what is wrong in the rules. For installers and guard captains."""

WORDS: dict[str, tuple[str, str]] = {
    # --- asked wrongly
    "explain.when": (
        "`{found}` is no time: write now, or a local time such as 2026-05-04T07:30",
        "`{found}` 不是有效时间：请写 now，或本地时间，例如 2026-05-04T07:30",
    ),
    "explain.no_people": (
        "there is no {file}: nobody has been added here yet; `edge-agent people add` begins it",
        "没有 {file}：此处尚未登记人员；可用 `edge-agent people add` 添加",
    ),
    "explain.no_door": ("there is no door {door}; there are: {known}", "没有名为 {door} 的门；现有：{known}"),
    "explain.forgive_whom": (
        "say whom: --person ID, or --all for everybody",
        "请指明对象：--person 编号，或用 --all 表示所有人",
    ),
    "explain.forgiven": (
        "{person}: the next passage is taken as it comes",
        "{person}：防返传记录已清除，下一次通行不受限制",
    ),
    "explain.forgiven_all": (
        "everybody: the next passage is taken as it comes",
        "所有人：防返传记录已清除，下一次通行不受限制",
    ),
    # --- where and when
    "explain.day.1": ("Mon", "周一"),
    "explain.day.2": ("Tue", "周二"),
    "explain.day.3": ("Wed", "周三"),
    "explain.day.4": ("Thu", "周四"),
    "explain.day.5": ("Fri", "周五"),
    "explain.day.6": ("Sat", "周六"),
    "explain.day.7": ("Sun", "周日"),
    "explain.direction.in": ("in", "进门"),
    "explain.direction.out": ("out", "出门"),
    "explain.asked": (
        "{who} at {door}, {direction}, {when} ({zone})",
        "{who}，{door}，{direction}，{when}（{zone}）",
    ),
    # --- the answer
    "explain.yes": ("YES, by {how}. {why}", "可以通行（{how}）。{why}"),
    "explain.yes_rule": ("Rule {rule} decides.", "由规则 {rule} 决定。"),
    "explain.yes_egress": (
        "On the way out being known is enough; rules, times and limits keep nobody inside.",
        "出门只需识别身份；规则、时段和限制都不会把人关在里面。",
    ),
    "explain.yes_fire": ("The fire release lets everybody out.", "消防释放：所有人均可离开。"),
    "explain.yes_company": ("YES, by {how}, with {company}.", "可以通行（{how}），但需要{company}。"),
    "explain.no": ("NO: {reason}.", "不能通行：{reason}。"),
    "explain.no_by_rule": ("NO: {reason}. Rule {rule} decides.", "不能通行：{reason}。由规则 {rule} 决定。"),
    "explain.no_though": ("NO: {reason}. Rule {rule} would permit.", "不能通行：{reason}。规则 {rule} 本可允许。"),
    "explain.no_nothing": (
        "NO: holds nothing that this door takes.",
        "不能通行：没有此门接受的任何凭证。",
    ),
    "explain.soft": ("It is noted, not stopped: {notes}.", "仅作记录，不阻止：{notes}。"),
    "explain.door_open": (
        "The door stands {mode} ({source}): whoever comes may pass.",
        "此门当前{mode}（{source}）：任何人均可通过。",
    ),
    "explain.needs.second_person_missing": ("a second person within {s:g} s", "{s:g} 秒内的第二人"),
    "explain.needs.escort_missing": ("the host or an escort within {s:g} s", "{s:g} 秒内的受访人或陪同人"),
    "explain.needs.second_factor_missing": ("one more factor within {s:g} s", "{s:g} 秒内的另一凭证"),
    # --- ways
    "explain.ways": ("Ways of this door", "通行方式"),
    "explain.way_passes": ("passes", "可通行"),
    "explain.way_passes_by": ("passes, rule {rule}", "可通行，规则 {rule}"),
    "explain.way_company": ("passes with {company}", "可通行，但需要{company}"),
    "explain.way_refused": ("refused: {reason}", "拒绝：{reason}"),
    "explain.way": ("{kinds}: {said}", "{kinds}：{said}"),
    "explain.way_lacks": ("not stored: {kinds}", "未登记：{kinds}"),
    "explain.assumed.qr": ("if their pass is valid", "前提是其通行码有效"),
    "explain.assumed.face": ("if a face is enrolled (cannot be looked up)", "前提是已登记人脸（无法查询）"),
    # --- rules
    "explain.rules": ("Rules that speak of this person here", "与此人和此门有关的规则"),
    "explain.rules_out": ("(on the way out they do not count)", "（出门时不起作用）"),
    "explain.rules_none": (
        "none: add a rule that names the category {category}, or this person",
        "没有：请添加包含类别“{category}”或此人的规则",
    ),
    "explain.rule": ("{rule} {effect}; {state}{part}", "{rule}：{effect}；{state}{part}"),
    "explain.effect.permit": ("permits", "允许"),
    "explain.effect.deny": ("denies", "禁止"),
    "explain.state.always": ("on at all times", "始终有效"),
    "explain.state.on": ("on now by schedule {schedule}", "按时段 {schedule} 当前有效"),
    "explain.state.off": ("off by schedule {schedule}, {next}", "按时段 {schedule} 当前无效，{next}"),
    "explain.state.no_schedule": (
        "never on: there is no schedule {schedule}",
        "永不生效：没有名为 {schedule} 的时段",
    ),
    "explain.state.clock_on": (
        "counts as on: the clock is not trusted ({schedule})",
        "视为有效：时钟不可信（{schedule}）",
    ),
    "explain.state.clock_off": (
        "counts as off: the clock is not trusted ({schedule})",
        "视为无效：时钟不可信（{schedule}）",
    ),
    "explain.next": ("next on {when}", "下次生效 {when}"),
    "explain.next_never": ("not on again within {days} days", "{days} 天内不再生效"),
    "explain.part.decides": (" – this decides", " —— 由它决定"),
    "explain.part.agrees": (" – agrees", " —— 结论一致"),
    "explain.part.beaten": (
        " – beaten by {rule}: a rule that denies wins",
        " —— 被 {rule} 否决：禁止的规则优先",
    ),
    "explain.part.rests": ("", ""),
    # --- validity and credentials
    "explain.validity": ("Validity and credentials", "有效期与凭证"),
    "explain.valid_always": ("the person: no dates", "人员：不限日期"),
    "explain.valid_dates": ("the person: {dates}", "人员：{dates}"),
    "explain.valid_wrong": ("the person: {reason} ({dates})", "人员：{reason}（{dates}）"),
    "explain.from": ("from {when}", "自 {when}"),
    "explain.until": ("until {when}", "至 {when}"),
    "explain.no_dates": ("no dates", "不限日期"),
    "explain.kind.card": ("card", "卡"),
    "explain.kind.pin": ("PIN", "密码"),
    "explain.kind.qr": ("QR code", "二维码"),
    "explain.kind.face": ("face", "人脸"),
    "explain.kind.plate": ("plate", "车牌"),
    "explain.kind.phone": ("phone number", "手机号"),
    "explain.owned": ("{kind} {number}: {state}", "{kind} {number}：{state}"),
    "explain.good": ("good", "可用"),
    "explain.left": ("{left} uses left", "还可使用 {left} 次"),
    "explain.owns_nothing": ("no card, PIN, code or plate is stored", "未登记卡、密码、二维码或车牌"),
    # --- the place now
    "explain.place": ("The door now", "此门当前状态"),
    "explain.mode": ("{mode}", "{mode}"),
    "explain.mode_set": ("{mode}: {source}", "{mode}：{source}"),
    "explain.mode_by": ("{mode}: {source}, by {by}", "{mode}：{source}，操作人 {by}"),
    "explain.mode_until": ("for another {minutes} min", "还有 {minutes} 分钟"),
    "explain.interlocked": (
        "another door of its interlock is not shut (as recorded last)",
        "互锁组内另一扇门未关（按最近记录）",
    ),
    "explain.latch_fire": ("fire release stands; it is cleared by hand", "消防释放未解除；须人工解除"),
    "explain.latch_panic": ("panic alarm stands at {door}", "{door} 的紧急报警未解除"),
    "explain.locked_out": (
        "terminal {terminal} takes nothing for another {s} s: too many wrong tries",
        "终端 {terminal} 还将锁定 {s} 秒：错误次数过多",
    ),
    "explain.armed": ("the first person of the day has come", "当日首人已到"),
    "explain.not_armed": ("the first person of the day has not come yet", "当日首人尚未到"),
    "explain.inside": ("{scope}: is inside", "{scope}：在内"),
    "explain.inside_since": ("{scope}: is inside, came {minutes} min ago", "{scope}：在内，{minutes} 分钟前进入"),
    "explain.outside": ("{scope}: is not inside", "{scope}：不在内"),
    "explain.full": ("{people} of {most} people", "{people} / {most} 人"),
    "explain.people": ("{people} people", "{people} 人"),
    "explain.own_readers": ("this door's readers", "此门读卡器"),
    "explain.no_reader": (
        'no card reader on this side (agent.toml: terminal with direction = "{direction}")',
        '此侧没有读卡器（agent.toml：direction = "{direction}" 的 terminal）',
    ),
    "explain.not_now": (
        "Who will be inside and how the door will be set then nobody knows: rules, dates and uses were asked.",
        "届时区域内人员和门的模式未知：此处只判断规则、日期和次数。",
    ),
    "explain.no_journal": (
        "There is no journal here yet: modes and who is inside are not known.",
        "此处尚无日志：无法得知门的模式和区域内人员。",
    ),
    "explain.clock": (
        "The clock is not trusted now: what hangs on dates and times is refused or counts against.",
        "当前时钟不可信：与日期时段有关的许可不生效。",
    ),
    # --- who
    "explain.who": ("{count} could pass {door}, {direction}, {when}", "{count} 人可通行：{door}，{direction}，{when}"),
    "explain.who_needs.second_person_missing": ("with a second person", "需第二人"),
    "explain.who_needs.escort_missing": ("with an escort", "需陪同"),
    "explain.who_needs.second_factor_missing": ("with one more factor", "需另一凭证"),
    # --- findings: rules and schedules
    "find.rule_twice": (
        "the rule id {rule} is there twice and only the last one counts; give each its own id",
        "规则编号 {rule} 重复，只有最后一条有效；请各取不同的编号",
    ),
    "find.rule_door": (
        "it names the door {name}, which is not here; doors: {known}. Correct the name or remove it",
        "规则提到的门 {name} 不存在；现有：{known}。请更正或删除",
    ),
    "find.rule_category": (
        "it names the category {name}, which does not exist; categories: {known}",
        "规则提到的类别 {name} 不存在；可用：{known}",
    ),
    "find.rule_person": (
        "it names people who are not here: {names}. Add them or take them out of the rule",
        "规则提到的人员不存在：{names}。请添加人员或从规则中删除",
    ),
    "find.rule_nobody": (
        "it names no door or nobody and has no effect; complete it or remove it",
        "规则没有写门或没有写人，不起作用；请补全或删除",
    ),
    "find.rule_schedule": (
        "its schedule {name} does not exist, so it is never on; schedules: {known}",
        "规则的时段 {name} 不存在，因此永不生效；现有：{known}",
    ),
    "find.rule_void": (
        "{permit} has no effect: {deny} denies the same people at the same doors, and a rule that denies wins. "
        "Remove one of them",
        "{permit} 不起作用：{deny} 禁止了同样的人和门，禁止的规则优先。请删除其中一条",
    ),
    "find.contradiction": (
        "{permit} permits and {deny} denies {who} at {doors}: where both are on, {deny} wins. Make sure that is meant",
        "{permit} 允许而 {deny} 禁止 {who} 通行 {doors}：同时生效时以 {deny} 为准。请确认这是本意",
    ),
    "find.rule_same": (
        "{second} says the same as {first}; one of them is enough",
        "{second} 与 {first} 内容相同；保留一条即可",
    ),
    "find.door_shut": (
        "nobody can come in at {door}: everybody who is permitted is denied by {rules}. Change one of them",
        "没有人能进入 {door}：所有被允许的人都被 {rules} 禁止。请修改规则",
    ),
    "find.door_nobody": (
        "no rule lets anybody in at {door}; add one if people are to come in here",
        "没有规则允许任何人进入 {door}；如需通行请添加规则",
    ),
    "find.schedule_never": (
        "the schedule {name} is not on at any time in the next {days} days; give it spans or remove it",
        "时段 {name} 在今后 {days} 天内从不生效；请填写时间段或删除",
    ),
    "find.rrule_bad": (
        "the recurrence `{rule}` cannot be used ({why}); write an RRULE such as FREQ=WEEKLY;BYDAY=MO;COUNT=10, "
        "daily at the most often",
        "重复规则 `{rule}` 无法使用（{why}）；请写如 FREQ=WEEKLY;BYDAY=MO;COUNT=10 的 RRULE，频率最高为每天",
    ),
    "find.rrule_endless": (
        "the recurrence `{rule}` never ends; if that is not meant, add COUNT or UNTIL",
        "重复规则 `{rule}` 没有结束；若非本意，请加上 COUNT 或 UNTIL",
    ),
    "find.group_unknown": (
        "it has spans for the special days {name}, and no day is of that group; add the days or remove the spans",
        "时段为特殊日 {name} 设了时间，但没有任何日期属于该组；请添加日期或删除",
    ),
    # --- findings: people
    "find.pin_duress": (
        "the PIN of {person} is the duress PIN of {others}: an entry could mean either. Give {person} another PIN",
        "{person} 的密码与 {others} 的胁迫密码相同，输入时无法区分。请为 {person} 更换密码",
    ),
    "find.pin_shared": (
        "{persons} have the same PIN, and a PIN alone opens {doors}: nobody can tell who came. Give each another PIN",
        "{persons} 的密码相同，而 {doors} 只凭密码即可通行，无法分辨是谁。请分别更换密码",
    ),
    "find.card_alike": (
        "{first} and {second} have cards of the same number, read with different lengths {bits}; "
        "check that it is not one card entered twice",
        "{first} 与 {second} 的卡号相同而位数不同（{bits}）；请确认不是同一张卡登记了两次",
    ),
    "find.plate_written": (
        "the plate is stored as `{plate}` and is never recognised so; enter it as {plain}",
        "车牌存为 `{plate}`，无法匹配；请登记为 {plain}",
    ),
    "find.plate_alike": (
        "{first} and {second} have the same plate, written differently; remove one of them",
        "{first} 与 {second} 登记了同一车牌（写法不同）；请删除其中之一",
    ),
    "find.credential_lost": (
        "{count} credentials belong to people who are not here ({persons}); they open nothing: remove them",
        "有 {count} 个凭证属于不存在的人员（{persons}），不能开门；请删除",
    ),
    "find.person_category": (
        "{count} people have a category that does not exist, so no rule speaks of it: {persons}. Correct it",
        "有 {count} 人的类别不存在，没有规则适用：{persons}。请更正",
    ),
    "find.person_host": (
        "the host {host} is not here; only an escort can bring this visitor in where one is asked for",
        "受访人 {host} 不存在；在需要陪同的门，只有陪同人员能带入该访客",
    ),
    "find.face_only": (
        "{count} people have a face and nothing else ({persons}): without the camera they stand outside. "
        "Give each a card or a PIN",
        "有 {count} 人只登记了人脸（{persons}）：摄像头故障时无法进入。请为其发卡或设置密码",
    ),
    # --- findings: the site
    "find.hold_schedule": (
        "the door is to be held open by the schedule {name}, which does not exist, so it stays locked; "
        "schedules: {known}",
        "常开时段 {name} 不存在，此门不会常开；现有：{known}",
    ),
    "find.ways_schedule": (
        "the schedule {name} does not exist, so these ways never count; schedules: {known}",
        "时段 {name} 不存在，这些通行方式永不生效；现有：{known}",
    ),
    "find.alert_schedule": (
        'there is no schedule "{name}", so alerts are told at all hours; there are: {known}. '
        "Correct the name, or bring the schedule in with `edge-agent access import`",
        "没有时段 “{name}”，因此全天报警；现有：{known}。请更正名称，或用 `edge-agent access import` 导入该时段",
    ),
    "find.slow_wall": (
        "{fps} frames a second are too few to see what falls: it takes {least}, better 15. "
        "Raise it in the camera and here",
        "每秒 {fps} 帧不足以发现高空抛物：至少需要 {least} 帧，建议 15 帧。请在相机和此处提高帧率",
    ),
    "find.slow_people": (
        "{fps} frames a second are too few to follow people: it takes {least}, better 10. "
        "Raise it in the camera and here, or watch for things that stand still alone",
        "每秒 {fps} 帧无法跟踪人员：至少需要 {least} 帧，建议 10 帧。请在相机和此处提高帧率，或只检测静止物",
    ),
    "find.pair_no_exit": (
        "hard anti-passback and no reader on the way out of {door}: whoever came in once stays shut out. "
        'Add a terminal with direction = "out", or use timed_min or soft',
        "{door} 设了硬防返传却没有出门读卡器：进过一次的人再也进不来。"
        '请加 direction = "out" 的终端，或改用 timed_min 或 soft',
    ),
    "find.area_no_exit": (
        "hard anti-passback, and none of its doors ({doors}) has a reader on the way out of {area}: "
        'whoever came in once stays shut out until a reset. Add a terminal with direction = "out", or use soft',
        "{area} 设了硬防返传，但其门（{doors}）均无出门读卡器：进过一次的人在清零前再也进不来。"
        '请加 direction = "out" 的终端，或改为 soft',
    ),
    "find.area_count": (
        "{area} counts people, and no reader sees them leave: the count only grows. Add one, or a nightly reset",
        "{area} 统计人数，但没有读卡器记录离开，人数只增不减。请加出门读卡器或设夜间清零",
    ),
    "find.area_no_door": (
        "no door leads into {area} or out of it; name it in a door, or remove it",
        "没有门通向或离开 {area}；请在门上写明或删除该区域",
    ),
    "find.timed_deny": (
        "nobody enters again within {minutes} min; after a power cut, until the clock is set, they are refused "
        "(policy.untrusted_clock = deny_timed). Make sure that is meant",
        "{minutes} 分钟内不得再次进入；断电后在时钟校准之前会一律拒绝"
        "（policy.untrusted_clock = deny_timed）。请确认这是本意",
    ),
    "find.timed_allow": (
        "nobody enters again within {minutes} min; after a power cut, until the clock is set, that limit does not "
        "hold (policy.untrusted_clock = allow_timed). Make sure that is meant",
        "{minutes} 分钟内不得再次进入；断电后在时钟校准之前此限制不起作用"
        "（policy.untrusted_clock = allow_timed）。请确认这是本意",
    ),
    "find.hold_deny": (
        "the schedule {name} holds {door} open by the wall clock: when that jumps, so does the door; after a power cut "
        "it stays locked until the clock is set (policy.untrusted_clock = deny_timed). Make sure that is meant",
        "门 {door} 按时段 {name} 随时钟常开：时钟跳变，门也随之变化；断电后在时钟校准之前保持上锁"
        "（policy.untrusted_clock = deny_timed）。请确认这是本意",
    ),
    "find.hold_allow": (
        "the schedule {name} holds {door} open by the wall clock: when that jumps, so does the door; after a power cut "
        "it opens by whatever the clock says (policy.untrusted_clock = allow_timed). Make sure that is meant",
        "门 {door} 按时段 {name} 随时钟常开：时钟跳变，门也随之变化；断电后按未校准的时钟开关"
        "（policy.untrusted_clock = allow_timed）。请确认这是本意",
    ),
    "find.door_interlocks": (
        "the door {door} is in two interlocks, {first} and {second}: it waits for the doors of both. "
        "Put all of them into one, or take it out of the other",
        "门 {door} 同时属于互锁组 {first} 和 {second}，会等待两组的门。请合并为一组，或从其中一组删除",
    ),
    "find.interlock_contact": (
        "the door {door} has no contact, so nobody knows whether it is shut; wire one (gate.contact), "
        "or take it out of the interlock",
        "门 {door} 没有门磁，无法得知是否关好；请接门磁（gate.contact），或从互锁组删除",
    ),
    "find.interlock_hold": (
        "while {door} is held open by the schedule {name}, the other doors of its interlock let nobody through",
        "门 {door} 按时段 {name} 常开期间，互锁组内其他门都无法通行",
    ),
    "find.first_nobody": (
        "there is nobody of the categories {categories} who could be the first person in; "
        "add somebody or name other categories",
        "没有类别为 {categories} 的人可作首人；请添加人员或改用其他类别",
    ),
    "find.two_few": (
        "{count} different people are asked for, and there are {there} of these categories; add some, or ask for fewer",
        "要求 {count} 名不同的人，而这些类别只有 {there} 人；请添加人员或减少人数",
    ),
    "find.more": ("and {count} more of the same kind", "以及另外 {count} 处同类情况"),
    "find.advice": ("advice: {text}", "建议：{text}"),
}
