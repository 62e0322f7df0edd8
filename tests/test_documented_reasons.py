"""docs/reference/reasons.md is written from words; here the words are held against what the code can say."""

import ast
from collections.abc import Iterator
from pathlib import Path

from edge_agent.flows.roll import Roll
from edge_agent.model.decisions import Reason
from edge_agent.store import register
from edge_agent.words import WORDS

ROOT = Path(__file__).parent.parent / "edge_agent"
REFUSING = (
    "flows/command.py", "flows/errands.py", "flows/roll.py", "flows/refusals.py", "flows/operate.py",
    "uplink/inbox.py", "contract/messages.py", "contract/commanders.py", "installation.py",
)  # fmt: skip
HOST_SAYS = {"flows/visits.py": "host_says", "store/visits.py": "get", "core/visits.py": "answer _still_open"}


def words(beginning: str) -> set[str]:
    return {code.removeprefix(beginning) for code in WORDS if code.startswith(beginning)}


def nodes(name: str, functions: str = "") -> Iterator[ast.AST]:
    """Of a module, or of these functions in it."""
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    wanted = functions.split()
    for node in ast.walk(tree):
        if not wanted or (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in wanted):
            yield from ast.walk(node) if wanted else (node,)


def texts(node: ast.AST | None) -> set[str]:
    """What an expression may be, where it stands there; of several values the first."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=one, orelse=other):
            return texts(one) | texts(other)
        case ast.Tuple(elts=[first, *_]):
            return texts(first)
        case ast.BoolOp(values=values):
            return {text for value in values for text in texts(value)}
    return set()


def called(node: ast.AST) -> str:
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name
    return ""


def reasons(name: str) -> set[str]:
    """What a module gives as a reason: to an outcome, a refusal or an error, or by returning it."""
    found: set[str] = set()
    for node in nodes(name):
        match node:
            case ast.Call(args=[first, *_]) if called(node) in {"Outcome", "refuse", "MessageError"}:
                found |= texts(first)
            case ast.Call(args=[_, second, *_]) if called(node) == "_say":
                found |= texts(second)
            case ast.keyword(arg="reason" | "problem", value=value) | ast.Return(value=value):
                found |= texts(value)
    return {text for text in found if text.isidentifier()}


def test_every_reason_for_a_refused_command_has_its_meaning() -> None:
    said = {reason for name in REFUSING for reason in reasons(name)}
    said |= {register.ALREADY, register.STALE, register.TAKEN}
    clear = {text for node in nodes("flows/premises.py", "clear") for text in texts(node)}
    said |= {text.removeprefix("operate.") for text in clear if text.startswith("operate.")}
    for name, functions in HOST_SAYS.items():
        errors = [node for node in nodes(name, functions) if called(node) == "VisitError"]
        assert errors
        for node in errors:
            assert isinstance(node, ast.Call)
            said |= {text.removeprefix("visit.") for text in texts(node.args[0])}
    doubts = [node for node in nodes("flows/roll.py", Roll._may_not.__name__) if isinstance(node, ast.Return)]
    problems = reasons("contract/messages.py") | reasons("uplink/inbox.py")
    problems |= {text for node in doubts for text in texts(node.value) if text}
    said |= {f"list_{reason}" for reason in (*problems, "rolled_back")}
    assert len(said) > 45
    assert said == words("refused.")


def test_every_reason_for_a_denied_entry_has_its_meaning() -> None:
    assert {str(reason) for reason in Reason} == words("reason.")


def test_every_change_of_people_has_its_meaning() -> None:
    said: set[str] = set()
    for path in (*sorted((ROOT / "store").glob("*.py")), ROOT / "cli/face_enrol.py"):
        for node in nodes(str(path.relative_to(ROOT))):
            match node:
                case ast.Call(keywords=keywords) if called(node) in {"PersonChanged", "put_times"}:
                    said |= {text for one in keywords if one.arg == "what" for text in texts(one.value)}
                case ast.Call(args=[first, *_]) if called(node) in {"_note_rules", "_say"}:
                    said |= texts(first)
                case ast.Assign(targets=[ast.Name(id="what")], value=value):
                    said |= texts(value)
                case ast.FunctionDef(name="_merge"):
                    said |= {
                        text for each in ast.walk(node) if isinstance(each, ast.Return) for text in texts(each.value)
                    }
                case ast.FunctionDef(name="put_times", args=ast.arguments(defaults=values)):
                    said |= {text for value in values for text in texts(value) if text}
    assert len(said) > 20
    assert said == words("detail.changed.")
