"""Visitors, rounds, the console, who may pass, events."""

HELP: dict[str, str] = {
    "Visitors: expected, at the desk, inside, gone. The agent must be running.": (
        "访客：预约、登记、在内、离开。程序须在运行。"
    ),
    "Pre-register NAME.": "预约访客 NAME。",
    "Comes again on these days of the week: mon,wed,fri.": "每周这几天再来：mon,wed,fri。",
    "Between these hours, as 08:00-17:30; with --days or --rule.": (
        "在此时段内，如 08:00-17:30；与 --days 或 --rule 同用。"
    ),
    "Comes again by this rule of RFC 5545, as FREQ=MONTHLY;BYDAY=1MO.": (
        "按 RFC 5545 规则再来，如 FREQ=MONTHLY;BYDAY=1MO。"
    ),
    "Not before the host has agreed (`visit confirm`).": "须经被访人同意（`visit confirm`）。",
    "The host agreed, and how that is known.": "被访人已同意，及得知方式。",
    "For the other guards.": "给其他保安的备注。",
    "Number of the identity document; kept masked.": "证件号码；以掩码保存。",
    "What for, in words.": "来访事由。",
    "Company.": "单位。",
    "Phone number.": "电话号码。",
    "How often the pass opens in all.": "通行证总共可开门几次。",
    "Joins visits into one group.": "将多个来访归为一组。",
    "Another name: a group, each with a pass.": "再加一人：成组，各有通行证。",
    "How many come on this visit.": "本次来访人数。",
    "What the pass opens; may be given several times.": "通行证可开的门；可多次给出。",
    "What for.": "来访类型。",
    "Whose house, where there is no host by id.": "无被访人编号时的房号。",
    "Whom they see: a person id (`visit hosts` finds it).": "被访人编号（用 `visit hosts` 查找）。",
    "Check in VISIT: its id, its short code, or what a scanner reads from its pass.": (
        "登记 VISIT 进入：其编号、短码或扫描通行证所得。"
    ),
    "Everybody of this group.": "该组所有人。",
    "Note the document on this desk's reader.": "记下此登记台读卡器上的证件。",
    "Who is not let in; never shown to visitors.": "黑名单；不向访客显示。",
    "Put somebody on the blacklist.": "列入黑名单。",
    "Number of an identity document.": "证件号码。",
    "Whoever came on this visit.": "该次来访的人。",
    "Why; for guards only.": "原因；仅保安可见。",
    "Last day (inclusive) or instant, local time. Default: until taken back.": (
        "截止日期（含当日）或时刻（当地时间）。默认：直到撤销。"
    ),
    "Who is on the blacklist, why and until when.": "黑名单上有谁、原因和期限。",
    "Take ENTRY off the blacklist.": "将 ENTRY 移出黑名单。",
    "Cancel VISIT before it has begun.": "取消尚未开始的 VISIT。",
    "Note what the host says to VISIT.": "登记被访人对 VISIT 的答复。",
    "The host agrees (default).": "被访人同意（默认）。",
    "The host declines.": "被访人拒绝。",
    "The host is asked (again).": "（再次）询问被访人。",
    "Who answered, and how.": "谁、以何方式答复。",
    "What lies on the reader of DESK.": "显示 DESK 读卡器上的证件。",
    "Let VISIT last longer; it gets a new pass.": "延长 VISIT；换发新通行证。",
    "Who may be visited: by id, house or part of a name.": "查找被访人：按编号、房号或部分姓名。",
    "Check out VISIT.": "登记 VISIT 离开。",
    "Visits whose name, phone, plate, company, house, host or document has TEXT in it.": (
        "列出姓名、电话、车牌、单位、房号、被访人或证件含 TEXT 的来访。"
    ),
    "Who is in.": "在内者。",
    "Who is to come.": "将来者。",
    "Who should have left.": "逾时未离者。",
    "What is over.": "已结束的。",
    "Everything that is kept.": "全部留存的。",
    "Expected and inside (default).": "预约和在内的（默认）。",
    "The pass of VISIT: its text and short code, a picture (.svg, .png), or a badge to print (.html).": (
        "VISIT 的通行证：文本和短码、图片（.svg、.png）或可打印的访客证（.html）。"
    ),
    "Write .svg, .png or .html there.": "写出 .svg、.png 或 .html 文件。",
    "A new pass: the one before opens nothing any more.": "换发新证：旧证不再开门。",
    "Turn VISIT away.": "谢绝 VISIT。",
    "Enter NAME, or the card on the reader of a desk, and let them in at once.": (
        "登记 NAME 或登记台读卡器上的证件，并立即放行。"
    ),
    "Name and document from the card on this desk's reader.": "姓名和证件取自此登记台读卡器上的证件。",
    "Patrol routes: done and missed points. The agent must be running.": "巡更路线：已到和漏巡的点。程序须在运行。",
    "The runs of the last day and those that run now.": "最近一天和正在进行的巡更。",
    "CODE is what the tag at a patrol point says.": "CODE 为巡更点标签上的码。",
    "Hazards: open, overdue, closed. The agent must be running. Photos are added on the console's page.": (
        "隐患：待处理、逾期、已关闭。程序须在运行。照片在控制台页面添加。"
    ),
    "Close HAZARD.": "关闭 HAZARD。",
    "What became of it.": "处理结果。",
    "Hazards, those due first on top.": "列出隐患，先到期的在前。",
    "Those that are closed.": "已关闭的。",
    "All that are kept.": "全部留存的。",
    "Those that are not closed (default).": "未关闭的（默认）。",
    "Report a hazard of CATEGORY at PLACE.": "上报 PLACE 处 CATEGORY 类隐患。",
    "Who sees to it.": "由谁处理。",
    "Last day (inclusive) or instant, local time. Default: by its category.": (
        "截止日期（含当日）或时刻（当地时间）。默认：按类别。"
    ),
    "Who is on duty. The agent must be running.": "值班人员。程序须在运行。",
    "Check in, at POST.": "在 POST 岗位签到。",
    "Check out.": "签退。",
    "Who is on duty now.": "当前值班人员。",
    "The guard's console: certificate, users, tokens.": "保安控制台：证书、用户、令牌。",
    "Make the console's certificate and, where it is missing, the section [console] of agent.toml.": (
        "生成控制台证书；agent.toml 中没有 [console] 时一并写入。"
    ),
    "A name or address the browsers use; this machine's are known.": "浏览器使用的名称或地址；本机的已包含。",
    "Replace the certificate that is there.": "替换现有证书。",
    "Integrations that use the JSON API.": "使用 JSON API 的对接系统。",
    "Make a token for integration NAME; it is shown once.": "为对接系统 NAME 生成令牌，只显示一次。",
    "Give it several times.": "可多次给出。",
    "Ends by itself after so many days.": "若干天后自动失效。",
    "Names and scopes; never the tokens.": "名称和权限；不显示令牌。",
    "NAME's token opens nothing any more.": "NAME 的令牌立即失效。",
    "Who may sign in.": "可登录的用户。",
    "Add user NAME; the password is asked for.": "新增用户 NAME；会询问密码。",
    "Its first line; else it is asked for.": "取文件首行为密码；否则询问。",
    "NAME may not sign in any more; their sessions end.": "NAME 不可再登录，现有会话结束。",
    "May sign in again.": "恢复登录。",
    "Name, role, TOTP, may sign in.": "名称、角色、动态码、是否可登录。",
    "Set NAME's password anew; ends their sessions.": "重设 NAME 的密码；现有会话结束。",
    "Remove user NAME.": "删除用户 NAME。",
    "Let NAME also give a code from an authenticator app (RFC 6238).": "NAME 登录时还须输入动态码（RFC 6238）。",
    "No code from now on.": "此后不再需要动态码。",
    "Say whether PERSON would pass DOOR at that time, by which way, and which rule decides. Opens nothing.": (
        "说明 PERSON 在该时刻能否通过 DOOR、以何方式、由哪条规则决定。不开门。"
    ),
    "Language of the output.": "输出语言。",
    "Pseudonymous id, as `people list` shows it.": "化名编号，见 `people list`。",
    "The door's name in agent.toml.": "agent.toml 中门的名称。",
    "now, or local time: 2026-05-04T07:30.": "now，或当地时间：2026-05-04T07:30。",
    "Let anti-passback forget where PERSON, or everybody, is. The running agent does it and records it.": (
        "让防反传忘记 PERSON 或所有人的位置。由运行中的程序执行并记录。"
    ),
    "Whom; their next passage is taken as it comes.": "谁；其下一次通行照常接受。",
    "Everybody.": "所有人。",
    "Import FILES together: TOML (schedule, special_days, rule, person, credential) or CSV, told by its "
    "header.\n\nShows every difference: `+` added, `~` changed, `=` how many unchanged, `!` refused with its "
    "place. What is good\ngoes in, in one transaction; with something refused the exit status is 1.": (
        "一并导入 FILES：TOML（schedule、special_days、rule、person、credential）或 CSV（按表头识别）。\n\n显示每"
        "处差异：`+` 新增、`~` 修改、`=` 未变数量、`!` 拒绝及位置。正确的在一个事务中导入；有拒绝时退出码为 1。"
    ),
    "Show what would change, and change nothing.": "只显示将有的变化，不作更改。",
    "List who could pass DOOR at that time with what they hold: id, name, category, house, ways, rule.": (
        "列出该时刻能通过 DOOR 的人：编号、姓名、类别、房号、方式、规则。"
    ),
    "Show events as they are accepted, in the site's time. Ctrl-C ends it.": (
        "实时显示所接受的事件，时间为站点时间。Ctrl-C 结束。"
    ),
    "One JSON line {read_id, epoch, seq} at the moment of each commit.": (
        "每次提交时输出一行 JSON {read_id, epoch, seq}。"
    ),
    "The events' own JSON instead of words.": "输出事件原始 JSON。",
    "Begin after this seq (default: the last 10).": "从此序号之后开始（默认：最近 10 条）。",
    "Also silent alerts (duress), and the numbers: a gap in them would tell.": (
        "含无声报警（胁迫）及序号：序号缺口会泄露它。"
    ),
    "Walk the whole journal: no event missing, none altered, every checkpoint signed by this gateway.": (
        "检查整个事件记录：无缺失、无篡改、每个检查点都有本网关签名。"
    ),
}
