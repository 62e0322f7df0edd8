"""People, their faces, and models."""

HELP: dict[str, str] = {
    "Add PERSON (a pseudonymous id, the only thing about them that leaves this gateway), or update them.\n\nAn "
    'option that is not given leaves what is stored; an empty one (--until "") clears it. A block or a revoked '
    "card\nstays: see `people unblock`.": (
        '新增或修改 PERSON（化名编号，其资料中只有它会离开网关）。\n\n未给出的选项保持原值；给空值（--until ""'
        "）则清除。停用和已挂失的卡不变：见 `people unblock`。"
    ),
    "Stays on this gateway. Needed for somebody new.": "只保存在本网关。新增时必填。",
    "One of: resident, family, tenant, staff, guard, visitor, service, contractor, volunteer, child. Needed for "
    "somebody new.": (
        "类别之一：resident、family、tenant、staff、guard、visitor、service、contractor、volunteer、child。新增时必填。"
    ),
    "House code, for instance 3-1-502.": "房号，如 3-1-502。",
    "One more card; printed number: FC:CN, 8 or 10 digits, or hexadecimal.": (
        "再加一张卡；卡面号码：FC:CN、8 或 10 位数字、或十六进制。"
    ),
    "H10301, H10306, UID34, H10302, H10304, hexNN.": "H10301、H10306、UID34、H10302、H10304、hexNN。",
    "A further card that opens as any other and calls for help without a sign.": (
        "另一张胁迫卡：照常开门，同时无声求助。"
    ),
    "How often the card given here opens in all.": "本次添加的卡总共可开门几次。",
    "Number plate.": "车牌。",
    "4 to 12 digits; kept as an Argon2id hash. Its last digit plus one is the duress PIN.": (
        "4 至 12 位数字，以 Argon2id 散列保存。末位加一即为胁迫密码。"
    ),
    "Stays on this gateway.": "只保存在本网关。",
    "Person id of whom a visitor comes to see.": "访客所访之人的编号。",
    "yes or no: gets the door's extended times.": "yes 或 no：使用该门的延长时间。",
    "yes or no: passes without the escort others of the category need.": "yes 或 no：无需该类人员所需的陪同。",
    "First day or instant, local time.": "起始日期或时刻（当地时间）。",
    "Last day (inclusive) or instant, local time.": "截止日期（含当日）或时刻（当地时间）。",
    "Let PERSON through no door, with no card and no face, until `people unblock`.": (
        "停用 PERSON：刷卡刷脸均不开任何门，直到 `people unblock`。"
    ),
    "Print all that is stored here about PERSON as one JSON object. Templates and pictures are counted "
    "only.\n\nPassages are in the journal, under PERSON's id. Entered in the register of retrievals first "
    "(`audit list`).": (
        "以一个 JSON 对象输出本网关保存的 PERSON 的全部资料。特征和照片只计数。\n\n通行记录在事件记录中，以 PERSO"
        "N 的编号查找。先登记入调取登记簿（`audit list`）。"
    ),
    "Who looks at it or takes it: a name.": "查看人或取走人的姓名。",
    "Of which unit: the office, the police station.": "所属单位：物业、派出所等。",
    "Why.": "事由。",
    "Number of the letter or order it is done by.": "所依据的公函或文书编号。",
    "Import a CSV: person_id,name,category,house,valid_from,valid_until,card,card_format,pin,phone, and where "
    "wanted\nduress_card,max_uses,plate,host,needs_longer,escort_exempt. See `access import` for a dry run and "
    "rules.\n\nA column that is absent leaves what is stored; an empty cell clears it (an empty card cell takes "
    "no card away).\nGood rows go in; bad ones are listed with line and reason, and the exit status is 1.": (
        "导入 CSV：person_id,name,category,house,valid_from,valid_until,card,card_format,pin,phone，以及按需的\nd"
        "uress_card,max_uses,plate,host,needs_longer,escort_exempt。试运行和规则见 `access import`。\n\n缺少的列"
        "保持原值；空单元格则清除（卡号为空不会取消卡）。\n正确的行导入，错误的行列出行号和原因，退出码为 1。"
    ),
    "Show everybody: id, name, category, house, validity, enabled cards, faces. For this gateway's own screen.": (
        "列出所有人：编号、姓名、类别、房号、有效期、有效卡数、人脸数。只供本机查看。"
    ),
    "One array, for programs.": "输出一个数组，供程序使用。",
    "Make a QR pass for PERSON and print the text that belongs into the code, alone on standard output.\n\nIt "
    "opens what the rules allow PERSON. It ends at its time, when it is used up, with `revoke-pass`, with a "
    "block and\nwhen PERSON is removed.": (
        "为 PERSON 生成二维码通行证，标准输出只有码内文本。\n\n它打开规则允许 PERSON 通行的门；到期、用完、`revok"
        "e-pass`、停用或删除 PERSON 后失效。"
    ),
    "First day or instant, local time. Default: now.": "起始日期或时刻（当地时间）。默认：现在。",
    "Good at this door only; may be given several times.": "只在此门有效；可多次给出。",
    "How often it opens in all. Default: without limit.": "总共可开门几次。默认：不限。",
    "Remove PERSON: name, cards, PIN and face templates. What they agreed to is kept as proof, under the id alone.": (
        "删除 PERSON：姓名、卡、密码和人脸特征。同意记录仅以编号留存为证。"
    ),
    "Revoke one CARD of PERSON, a lost one for instance.\n\nAdding it again does not give it back; somebody else may "
    "get it.": "挂失 PERSON 的一张 CARD，例如丢失的卡。\n\n再次添加不会恢复；该卡可发给他人。",
    "Revoke the pass with the id JTI, for good.": "永久作废编号为 JTI 的通行证。",
    "End PERSON's block; revoked cards stay revoked.": "恢复 PERSON；已挂失的卡仍然挂失。",
    "Record that PERSON agrees to be matched by terminals that keep faces by themselves. Enrol them there "
    "then.\n\nWhat such a terminal says about somebody who has not agreed opens nothing.": (
        "登记 PERSON 同意由自存人脸的终端比对，随后在终端上登记其人脸。\n\n未同意者，此类终端的识别结果不开门。"
    ),
    "Version of the text that was agreed to; recorded.": "所同意文本的版本，写入记录。",
    "Who agreed for a child under 14.": "代未满 14 岁儿童同意的监护人。",
    "The consent ends on that day (UTC).": "同意于该日（UTC）终止。",
    "Confirm that PERSON's face was deleted at TERMINAL by hand: for terminals that cannot be told to.": (
        "确认已在 TERMINAL 上手工删除 PERSON 的人脸：用于不能远程删除的终端。"
    ),
    "Who deleted PERSON's face at the terminal, and looked.": "在终端上删除并核对的人。",
    "Enrol PERSON's face from PHOTOS (three to five are good), each showing this one face; - is standard input.": (
        "用 PHOTOS 登记 PERSON 的人脸（三至五张为宜），每张只含此人一张脸；- 为标准输入。"
    ),
    "Version of the text that was agreed to (match); recorded.": "所同意文本（比对）的版本，写入记录。",
    "Version of the text under which the face's picture may be kept.": "同意保留人脸照片的文本版本。",
    "Where the consent was given, for the record.": "取得同意的途径，写入记录。",
    "The consents end on that day (UTC).": "各项同意于该日（UTC）终止。",
    "Enrol also who looks like somebody enrolled (twins).": "与已登记者相像（双胞胎）时也登记。",
    "Delete the photographs that went in, once they have.": "登记成功后删除所用照片。",
    "Destroy now the faces of those whose consent or visit has ended. A running agent does so within the hour.": (
        "立即销毁同意或来访已结束者的人脸。程序运行时一小时内会自动销毁。"
    ),
    "Enrol many: FILE is a CSV person_id,photo (and consent,keep_image,guardian), PHOTOS a folder or zip.\n\nAn "
    "import that was broken off goes on where it stopped when it is run again.": (
        "批量登记：FILE 为 CSV，列为 person_id,photo（及 consent,keep_image,guardian），PHOTOS 为文件夹或 zip。\n"
        "\n中断的导入再次运行时从断处继续。"
    ),
    "Write there what was refused and why.": "将未通过的条目及原因写入此文件。",
    "List faces that terminals have still to delete. Exit status 1 when there are any.": (
        "列出终端尚未删除的人脸。有则退出码为 1。"
    ),
    "Show what was destroyed, of PERSON or of everybody, and which terminals confirmed: one JSON object a line.": (
        "显示 PERSON 或所有人已销毁的内容及已确认的终端：每行一个 JSON 对象。"
    ),
    "Destroy PERSON's face templates, also those of somebody who was removed; the consents are kept as they were.": (
        "销毁 PERSON 的人脸特征，包括已删除人员的；同意记录保持不变。"
    ),
    "Take back PERSON's consent. What hung on it is destroyed here and now; their card and PIN go on.": (
        "撤回 PERSON 的同意。相关内容立即销毁；其卡和密码照常有效。"
    ),
    "Propose faces.distance for this site from its own gallery, with the errors to be expected of it.\n\nNothing "
    "is changed. A gallery of few persons cannot resolve a small rate: the bounds say how little is known.": (
        "根据本处人脸库建议 faces.distance，并给出预期错误率。\n\n不作任何修改。人数少的库无法分辨很小的错误率："
        "界限说明所知有限。"
    ),
    "Share of strangers that may be recognised as somebody.": "可容许被误认的陌生人比例。",
    "One object, for programs.": "输出一个对象，供程序使用。",
    "Measure the configured engine on FOLDER, one folder of photographs for each person.\n\nHalf of the persons "
    "are enrolled and half are strangers, 50 times; an undetected face counts as a failure.": (
        "用 FOLDER（每人一个照片文件夹）评测所配置的引擎。\n\n一半人登记、一半人作陌生人，重复 50 次；未检出人脸"
        "计为失败。"
    ),
    "Write a page with pictures there.": "在此写出带图的网页。",
    "Measure also how it degrades (takes 20 times as long).": "同时评测画质下降的影响（耗时约 20 倍）。",
    "Print what a filing and an impact assessment ask for: cameras, stored faces, purposes, sign texts; "
    "JSON.\n\nThe texts are a help, no legal advice. From 100,000 stored faces on the storing itself has to be "
    "filed.": (
        "输出备案和影响评估所需内容：摄像头、人脸数、目的、告示文字；JSON。\n\n文字仅供参考，不是法律意见。存储人"
        "脸达 10 万须就存储本身备案。"
    ),
    "Measure the liveness model on FOLDER: photographs of people in live/, of attacks in a folder for each "
    "species.\n\nIn the words of ISO/IEC 30107-3, with the number of presentations: few of them show little.": (
        "用 FOLDER 评测活体模型：真人照片放 live/，每种攻击一个文件夹。\n\n按 ISO/IEC 30107-3 表述并给出样本数："
        "样本少则说明不了多少。"
    ),
    "Tell how many strangers a year would be taken for somebody here, at this gallery, threshold and traffic.": (
        "按本处人脸库、阈值和人流，估计每年误认的陌生人数。"
    ),
    "People unknown here before the cameras; else from the journal.": "镜头前的陌生人次；不给则取自事件记录。",
    "Install a model FILE: hash, form and opset are checked and it is tried, before anything is changed.": (
        "安装模型 FILE：先校验哈希、格式和算子集并试运行，然后才更改。"
    ),
    "What FILE is, if not known here.": "FILE 是什么（本机不认识时）。",
    "Show what is installed, what each model's licence permits, and which ones the configuration uses.": (
        "列出已安装的模型、许可范围以及配置所用的模型。"
    ),
    "Write ENGINE and its models into the configuration, and embed kept photographs again.\n\nTemplates of one "
    "model are worth nothing to another: who agreed to have the photograph kept is embedded again, who\ndid not "
    "is named and must be enrolled again. Numbers that belong to the old model (distance, margin) are taken out.": (
        "将 ENGINE 及其模型写入配置，并对保留的照片重新提取特征。\n\n不同模型的特征互不通用：同意保留照片者重新提"
        "取，其余者列出并须重新登记。属于旧模型的数值（distance、margin）会被去掉。"
    ),
    "Id of `models list`.": "`models list` 中的编号。",
    "Id of `models list`; empty: none.": "`models list` 中的编号；空：不用。",
    "Check every installed model again: its hash, and its self-test in a process of its own.": (
        "重新校验已安装的各模型：哈希，以及在独立进程中的自检。"
    ),
}
