"""What a guard may do about a denial."""

WORDS: dict[str, tuple[str, str]] = {
    "advice.credential_expired": ("Check the identity; extend in the office.", "核实身份；到物业延期。"),
    "advice.credential_not_active": ("Not yet valid: look at the date.", "尚未到生效日期：请核对日期。"),
    "advice.credential_not_enabled": ("Blocked on purpose: ask a supervisor.", "已被停用：请询问主管。"),
    "advice.revoked": ("Do not let in: this credential was revoked.", "请勿放行：该凭证已注销。"),
    "advice.unknown_credential": (
        "Ask for the name and host; register as a visitor.",
        "询问姓名与被访人；按访客登记。",
    ),
    "advice.invalid_pin": ("Ask to try again slowly.", "请对方慢慢重试。"),
    "advice.not_permitted_at_this_time": ("Not at this hour: ask whom they visit.", "非允许时段：请询问事由。"),
    "advice.unauthorized": ("May not use this door: show the right one.", "无此门权限：请指引到正确的门。"),
    "advice.anti_passback": (
        "Look whether somebody else used the card; forgive if not.",
        "核实是否借卡；确认后可清除防返传。",
    ),
    "advice.interlock": ("Wait until the other door is shut.", "请等另一扇门关闭。"),
    "advice.occupancy": ("Wait until somebody leaves.", "请等有人离开。"),
    "advice.door_blocked": ("The door is blocked on purpose.", "此门已被封锁。"),
    "advice.lockdown": ("Lockdown: let nobody in.", "紧急封锁：请勿放行。"),
    "advice.second_factor_missing": (
        "Ask for the second factor (PIN or face).",
        "请对方出示第二凭证（密码或人脸）。",
    ),
    "advice.second_person_missing": ("A second person is needed, or your approval.", "需要第二人，或由您批准。"),
    "advice.escort_missing": ("The host has to come, or you approve.", "需被访人陪同，或由您批准。"),
    "advice.uses_exhausted": ("Used up: issue a new pass.", "次数已用完：请重新签发。"),
    "advice.locked_out": ("Wait; then try the right PIN.", "请稍候，再输入正确密码。"),
    "advice.liveness_failed": ("Look at the face yourself; take the card.", "请当面核对；改用刷卡。"),
    "advice.face_ambiguous": ("Ask for the card.", "请对方刷卡。"),
    "advice.stale_read": ("Ask to show the card again.", "请对方重新刷卡。"),
    "advice.untrusted_clock": ("Clock not set: check by eye, open by hand.", "时钟未校准：请人工核实后手动开门。"),
    "advice.journal_unavailable": (
        "Disk trouble: call the installer, note on paper.",
        "磁盘故障：请联系安装人员，并作纸质记录。",
    ),
    "advice.invalid_identifier": ("Ask for another card or the pass code.", "请对方换卡或出示访客码。"),
    "advice.other": ("Check the identity and decide.", "请核实身份后决定。"),
}
