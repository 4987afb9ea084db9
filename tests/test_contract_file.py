"""The contract file: what it says when it is right, and the one line it says when it is wrong."""

from __future__ import annotations

import math
import string
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import harness.contract
from harness.contract import (
    CARRIES,
    FAILURE_CLASSES,
    UNRUN,
    Alert,
    Contract,
    DeadLetter,
    Deduplication,
    Delay,
    Effect,
    Limits,
    Loss,
    Result,
    Retry,
    Sample,
    Tier,
    WorkerLayout,
)
from harness.contract_file import dumps, load, loads, resolve
from harness.contract_lines import lines
from harness.errors import ContractError

DOCUMENTED = textwrap.dedent((harness.contract.__doc__ or "").split("::", 1)[1].split("`origins` maps")[0])


def _tier(body: str) -> str:
    return f'[tiers.critical]\ntasks = ["payroll.*"]\n{body}\n'


def _said(text: str) -> str:
    with pytest.raises(ContractError) as caught:
        loads(text, "contract.toml")
    return str(caught.value)


def test_the_documented_example_loads() -> None:
    """The docstring of `harness.contract` is the format, and it is read in full."""
    contract = loads(DOCUMENTED)
    tier = contract.tier("critical")
    assert tier.retry == Retry(
        on=("filesystem", "mail", "database"),
        not_on=("programming",),
        max_retries=5,
        delay=Delay("exponential", base_s=30.0, factor=2.0, cap_s=300.0, jitter="bounded"),
    )
    assert tier.limits == Limits(hard_s=1800.0, soft_s=1500.0, rate="120/m", rate_scope="global")
    assert contract.workers == (WorkerLayout("critical", queues=("critical",), concurrency=2),)
    assert contract.samples["payroll.tasks.calculate_payroll"] == Sample(args=(1, "2026-01"), vary=1)
    assert contract.setup == "core.seed:example_data"


def test_every_key_knows_its_line() -> None:
    """Origins cover tables, keys and the keys of inline tables."""
    contract = loads(DOCUMENTED, "deploy/contract.toml")
    numbered = {line.strip(): number for number, line in enumerate(DOCUMENTED.splitlines(), start=1)}
    for path, start in {
        "tiers.critical": "[tiers.critical]",
        "tiers.critical.retry.max_retries": "max_retries = 5",
        "workers.critical.replicas": "replicas = 1",
        "samples.payroll.tasks.calculate_payroll.kwargs": "kwargs = {}",
    }.items():
        assert contract.origin(path) == f"deploy/contract.toml:{numbered[start]}"
    ladder = contract.origin("tiers.critical.retry.delay.cap_s")
    assert ladder == contract.origin("tiers.critical.retry.delay")
    assert contract.origin("nothing.of.the.kind") == "deploy/contract.toml"


WRONG = {
    "unknown key": (
        _tier("[tiers.critical.retry]\nmax_retires = 5"),
        "contract.toml:4: tiers.critical.retry: unknown key 'max_retires'. Did you mean 'max_retries'?",
    ),
    "unknown key of another table": (
        _tier("max_retries = 5"),
        "contract.toml:3: tiers.critical: unknown key 'max_retries'. It belongs into [tiers.critical.retry].",
    ),
    "unknown key in an inline table": (
        _tier("[tiers.critical.retry]\ndelay = { bass_s = 30 }"),
        "contract.toml:4: tiers.critical.retry.delay: unknown key 'bass_s'. Did you mean 'base_s'?",
    ),
    "unknown table": (
        _tier("[tier.low]"),
        "contract.toml:3: unknown key 'tier'. Did you mean 'tiers'?",
    ),
    "unknown key near nothing": (
        _tier("[tiers.critical.loss]\nzzz = 1"),
        "contract.toml:4: tiers.critical.loss: unknown key 'zzz'. Valid keys: redelivered_at_most, within_s.",
    ),
    "a truth is not a number": (
        _tier("[tiers.critical.retry]\nmax_retries = true"),
        "contract.toml:4: tiers.critical.retry.max_retries: expected a whole number, got true.",
    ),
    "a number is not a truth": (
        _tier("events = 1"),
        "contract.toml:3: tiers.critical.events: expected true or false, got 1.",
    ),
    "a fraction is not a count": (
        _tier("[tiers.critical.retry]\nmax_retries = 2.5"),
        "contract.toml:4: tiers.critical.retry.max_retries: expected a whole number, got 2.5.",
    ),
    "a text is not a number": (
        _tier('[tiers.critical.limits]\nhard_s = "1h"'),
        "contract.toml:4: tiers.critical.limits.hard_s: expected a number, got '1h'.",
    ),
    "a text is not an array": (
        '[tiers.critical]\ntasks = "payroll.*"',
        "contract.toml:2: tiers.critical.tasks: expected an array, got 'payroll.*'. Write ['payroll.*'].",
    ),
    "an item of the wrong type": (
        '[tiers.critical]\ntasks = [\n  "payroll.*",\n  7,\n]',
        "contract.toml:4: tiers.critical.tasks[1]: expected a text in quotes, got 7.",
    ),
    "a value where a table belongs": (
        _tier("retry = 5"),
        "contract.toml:3: tiers.critical.retry: expected a table, got 5.",
    ),
    "an array of tables where a table belongs": (
        _tier("[[tiers.critical.retry]]\nmax_retries = 5"),
        "contract.toml:3: tiers.critical.retry: expected a table, got an array.",
    ),
    "tiers that are no table": ("tiers = 1", "contract.toml:1: tiers: expected a table, got 1."),
    "a tier that is no table": (
        "[tiers]\ncritical = 1",
        "contract.toml:2: tiers.critical: expected a table, got 1.",
    ),
    "a name with a dot": (
        '[tiers."a.b"]\ntasks = ["*"]',
        "contract.toml:1: tiers.a.b: a name has letters, digits, '-' and '_' only.",
    ),
    "tasks missing": (
        '[tiers.critical]\nqueue = "critical"',
        "contract.toml:1: tiers.critical: the key 'tasks' is missing.",
    ),
    "tasks empty": (
        "[tiers.critical]\ntasks = []",
        'contract.toml:2: tiers.critical.tasks: selects no task. Name some: tasks = ["app.tasks.*"].',
    ),
    "wrong choice": (
        _tier('[tiers.critical.retry]\ndelay = { shape = "exponental" }'),
        (
            "contract.toml:4: tiers.critical.retry.delay.shape: unknown choice 'exponental'. "
            "Did you mean 'exponential'? Valid: exponential, linear, fixed."
        ),
    ),
    "wrong failure class": (
        _tier('[tiers.critical.retry]\non = ["mail", "OSError"]'),
        (
            "contract.toml:4: tiers.critical.retry.on[1]: unknown choice 'OSError'. "
            "Valid: filesystem, mail, database, programming."
        ),
    ),
    "a failure class retried and not": (
        _tier('[tiers.critical.retry]\non = ["mail"]\nnot_on = ["mail"]'),
        (
            "contract.toml:5: tiers.critical.retry.not_on: names a failure class that 'on' names too. "
            "A failure is retried or it is not."
        ),
    ),
    "a negative number": (
        _tier("[tiers.critical.retry]\nmax_retries = -1"),
        "contract.toml:4: tiers.critical.retry.max_retries: must not be negative, got -1.",
    ),
    "not a number": (
        _tier("[tiers.critical.result]\nexpires_s = nan"),
        "contract.toml:4: tiers.critical.result.expires_s: must be a number, got nan.",
    ),
    "an endless number": (
        _tier("[tiers.critical.loss]\nwithin_s = inf"),
        "contract.toml:4: tiers.critical.loss.within_s: must be at most 315360000 (ten years), got inf.",
    ),
    "a number that no float holds": (
        _tier(f"[tiers.critical.loss]\nwithin_s = 1{'0' * 400}"),
        (
            "contract.toml:4: tiers.critical.loss.within_s: "
            "must be at most 315360000 (ten years), got an endless number."
        ),
    ),
    "a number of 5000 digits": (
        f"schema = {'9' * 5000}",
        (
            "contract.toml: not TOML: Exceeds the limit (4300 digits) for integer string conversion: "
            "value has 5000 digits; use sys.set_int_max_str_digits() to increase the limit."
        ),
    ),
    "a cap below the base": (
        _tier("[tiers.critical.retry.delay]\nbase_s = 60\ncap_s = 30"),
        "contract.toml:5: tiers.critical.retry.delay.cap_s: must not be below base_s, got 30.",
    ),
    "a ladder that falls": (
        _tier("[tiers.critical.retry.delay]\nfactor = 0.5"),
        (
            "contract.toml:4: tiers.critical.retry.delay.factor: "
            "must be at least 1 for an exponential delay, got 0.5."
        ),
    ),
    "a spread over 1": (
        _tier("[tiers.critical.retry.delay]\nspread = 50"),
        "contract.toml:4: tiers.critical.retry.delay.spread: must be from 0 to 1, got 50.",
    ),
    "a spread of no bounded jitter": (
        _tier('[tiers.critical.retry.delay]\njitter = "full"\nspread = 0.2'),
        "contract.toml:5: tiers.critical.retry.delay.spread: is said of bounded jitter alone.",
    ),
    "a factor of a fixed delay": (
        _tier('[tiers.critical.retry.delay]\nshape = "fixed"\nfactor = 3'),
        "contract.toml:5: tiers.critical.retry.delay.factor: says nothing of a fixed delay.",
    ),
    "a size without compression": (
        _tier("[tiers.critical.result]\nexpires_s = 60\ncompression_from_bytes = 100"),
        "contract.toml:5: tiers.critical.result.compression_from_bytes: says nothing without compression.",
    ),
    "the scope of no rate": (
        _tier('[tiers.critical.limits]\nhard_s = 60\nrate_scope = "worker"'),
        "contract.toml:5: tiers.critical.limits.rate_scope: says nothing without a rate.",
    ),
    "an empty table": (
        _tier("[tiers.critical.loss]"),
        (
            "contract.toml:3: tiers.critical.loss: the table promises nothing. "
            "Name one of: redelivered_at_most, within_s."
        ),
    ),
    "the name of the app as a whole": (
        '[tiers.app]\ntasks = ["*"]',
        "contract.toml:1: tiers.app: stands for the app as a whole, not for a tier. Take another.",
    ),
    "a keyword that varies and is not there": (
        _tier('[samples."a.b"]\nkwargs = { day = 1 }\nvary = "month"'),
        (
            "contract.toml:5: samples.a.b.vary: there is no keyword argument 'month' in kwargs. "
            "A positional argument is named by its number, counted from 0."
        ),
    ),
    "soft over hard": (
        _tier("[tiers.critical.limits]\nhard_s = 60\nsoft_s = 60"),
        (
            "contract.toml:5: tiers.critical.limits.soft_s: must be below hard_s, got 60. "
            "The hard limit would strike first."
        ),
    ),
    "a rate a day": (
        _tier('[tiers.critical.limits]\nrate = "20/d"'),
        (
            "contract.toml:4: tiers.critical.limits.rate: '20/d' is no rate. "
            "Valid: a number and /s, /m or /h, as '120/m'; Celery knows no other unit."
        ),
    ),
    "a rate of nothing": (
        _tier('[tiers.critical.limits]\nrate = "0/m"'),
        (
            "contract.toml:4: tiers.critical.limits.rate: must be more than 0, got '0/m'. "
            "Leave it out where no rate is promised; Celery reads 0 as no limit."
        ),
    ),
    "a lock of no time": (
        _tier('[tiers.critical.deduplication]\nrelease = "on_expiry"\nlock_s = 0'),
        "contract.toml:5: tiers.critical.deduplication.lock_s: must be more than 0, got 0.",
    ),
    "a lock that never expires": (
        _tier('[tiers.critical.deduplication]\nrelease = "on_expiry"'),
        (
            "contract.toml:3: tiers.critical.deduplication.lock_s: is missing. "
            'A lock that is released "on_expiry" needs it.'
        ),
    ),
    "a dead letter to nowhere": (
        _tier('[tiers.critical.dead_letter]\nto = "failed"'),
        (
            "contract.toml:4: tiers.critical.dead_letter.to: 'failed' is no destination. "
            "Valid: table:NAME, queue:NAME, task:NAME, redis:KEY-PATTERN."
        ),
    ),
    "an alert of a quiet tier": (
        _tier('quiet = true\n[tiers.critical.alert]\nto = ["ops@example.com"]'),
        (
            "contract.toml:3: tiers.critical.quiet: contradicts the tier's alert. "
            "A failure is announced or it is not."
        ),
    ),
    "an alert to nobody": (
        _tier("[tiers.critical.alert]\nto = []"),
        (
            "contract.toml:4: tiers.critical.alert.to: names nobody. "
            'Name who gets the mail: to = ["ops@example.com"].'
        ),
    ),
    "an effect that cannot be counted": (
        _tier('[tiers.critical.effect]\ncounted = "rows"'),
        (
            "contract.toml:4: tiers.critical.effect.counted: 'rows' cannot be counted. "
            "Valid: body, mail, mail:TO, file, file:PATH, row:app.Model."
        ),
    ),
    "a worker without children": (
        _tier("[workers.all]\nconcurrency = 0"),
        "contract.toml:4: workers.all.concurrency: must be more than 0, got 0.",
    ),
    "an unknown pool": (
        _tier('[workers.all]\npool = "forks"'),
        (
            "contract.toml:4: workers.all.pool: unknown choice 'forks'. "
            "Valid: prefork, solo, threads, gevent, eventlet, processes, or module:Class."
        ),
    ),
    "a sample that varies nothing": (
        _tier('[samples."payroll.pay"]\nargs = [1]\nvary = 1'),
        (
            "contract.toml:5: samples.payroll.pay.vary: there is no positional argument 1 in args. "
            "They are counted from 0; a name stands for a keyword argument."
        ),
    ),
    "a sample that varies a truth": (
        _tier('[samples."payroll.pay"]\nvary = true'),
        "contract.toml:4: samples.payroll.pay.vary: expected a whole number or a text in quotes, got true.",
    ),
    "a setup that is no function": (
        _tier('[app]\nsetup = "seed"'),
        "contract.toml:4: app.setup: expected 'module:function', got 'seed'.",
    ),
    "a server of no broker": (
        _tier("[app.servers.rabbit]\nconsumer_timeout = 1"),
        "contract.toml:3: app.servers: unknown key 'rabbit'. Did you mean 'rabbitmq'?",
    ),
    "a server's setting of two lines": (
        _tier('[app.servers.rabbitmq]\na = "1\\nlisteners.tcp.2 = 0.0.0.0:5672"'),
        (
            "contract.toml:4: app.servers.rabbitmq.a: expected a text, a number, true or false, "
            "got '1\\nlisteners.tcp.2 = 0.0.0.0:5672'."
        ),
    ),
    "another schema": (
        "schema = 2",
        "contract.toml:1: schema: expected 1, got 2. This version reads no other schema.",
    ),
    "no tier": (
        "schema = 1",
        'contract.toml: the contract has no tier. Add one: [tiers.NAME] with tasks = ["app.tasks.*"].',
    ),
    "empty": (
        "\n# nothing\n",
        "contract.toml: the contract is empty. Draft one: celery-harness contract -A APP > contract.toml",
    ),
    "broken TOML": (
        "[tiers.critical]\ntasks = [",
        "contract.toml:2: not TOML: Invalid value; the file ends there.",
    ),
    "broken TOML after the last line": (
        '[tiers.critical]\ntasks = ["a"]\nqueue = """\nx\n\n\n',
        "contract.toml:4: not TOML: Unterminated string; the file ends there.",
    ),
    "broken TOML in a line": (
        "[tiers.critical]\ntasks = payroll\n",
        "contract.toml:2: not TOML: Invalid value (column 9).",
    ),
    "nested too deeply": (f"a = {'[' * 100_000}", "contract.toml: nested too deeply."),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_gets_one_exact_line(mistake: str) -> None:
    """File, line, place, fact and what to do."""
    text, expected = WRONG[mistake]
    assert _said(text) == expected


def test_images_are_read_and_written() -> None:
    contract = loads(_tier('[app.images]\nredis = "redis:7.4.11"\nworker = "shop@sha256:0"'))
    assert contract.images == {"redis": "redis:7.4.11", "worker": "shop@sha256:0"}
    assert loads(dumps(contract)).images == contract.images
    with pytest.raises(ContractError, match=r"app\.images: unknown key 'rabbit'"):
        loads(_tier('[app.images]\nrabbit = "rabbitmq:4"'))


def test_the_servers_settings_are_read_and_written() -> None:
    text = _tier('[app.servers.redis]\nmaxmemory-policy = "noeviction"\nappendonly = true')
    contract = loads(text)
    assert contract.servers == {"redis": {"maxmemory-policy": "noeviction", "appendonly": True}}
    assert loads(dumps(contract)).servers == contract.servers


def test_a_file_is_loaded_with_its_path(tmp_path: Path) -> None:
    """Also with the mark that some editors put first."""
    file = tmp_path / "contract.toml"
    file.write_text(_tier(""), encoding="utf-8-sig")
    assert load(file).origin("tiers.critical.tasks") == f"{file}:2"


def test_a_file_that_is_not_there_says_how_to_draft_one(tmp_path: Path) -> None:
    """Exit status 2, no traceback."""
    with pytest.raises(
        ContractError, match=r"^There is no contract file .*\. Draft one: celery-harness contract"
    ):
        load(tmp_path / "contract.toml")


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """A folder, or bytes that are not UTF-8."""
    with pytest.raises(ContractError, match=r"cannot be read: Is a directory\.$"):
        load(tmp_path)
    file = tmp_path / "contract.toml"
    file.write_bytes(b"a = '\xff'")
    with pytest.raises(ContractError, match=r"not UTF-8 at byte 5\."):
        load(file)


TASKS = ("payroll.tasks.pay", "payroll.tasks.report", "core.tasks.clean", "celery.backend_cleanup")


def _tiers(**globs: list[str]) -> Contract:
    return loads("".join(f"[tiers.{name}]\ntasks = {tasks}\n" for name, tasks in globs.items()))


def test_the_first_tier_that_matches_has_the_task() -> None:
    """Celery's own tasks belong to none."""
    resolved = resolve(_tiers(critical=["payroll.tasks.pay"], rest=["*"]), TASKS)
    assert [tier.members for tier in resolved.tiers] == [
        ("payroll.tasks.pay",),
        ("core.tasks.clean", "payroll.tasks.report"),
    ]


@pytest.mark.parametrize(
    ("contract", "expected"),
    [
        (
            _tiers(rest=["*"], low=["payrol.tasks.*"]),
            (
                "contract.toml:4: tiers.low: no task of the app matches 'payrol.tasks.*'. "
                "Did you mean 'payroll.tasks.pay'?"
            ),
        ),
        (
            _tiers(rest=["*"], critical=["payroll.*"]),
            (
                "contract.toml:4: tiers.critical: every task that it selects belongs to an earlier tier "
                "(payroll.tasks.pay to 'rest'). Move the narrower tier up, or narrow the earlier one."
            ),
        ),
        (
            loads(_tier('[samples."zzz"]')),
            (
                "contract.toml:3: samples.zzz: the app has no task 'zzz'. "
                "It has: core.tasks.clean, payroll.tasks.pay, payroll.tasks.report."
            ),
        ),
        (
            Contract(tiers=(), path="contract.toml"),
            'contract.toml: the contract has no tier. Add one: [tiers.NAME] with tasks = ["app.tasks.*"].',
        ),
    ],
)
def test_a_contract_for_another_app_is_refused(contract: Contract, expected: str) -> None:
    """Tiers without a task and samples of no task are mistakes, not promises."""
    with pytest.raises(ContractError) as caught:
        resolve(contract, TASKS)
    assert str(caught.value) == expected


def test_an_endless_ladder_stays_at_its_cap() -> None:
    """A power too high for a float is not an error."""
    assert Delay(base_s=30.0, factor=10.0, cap_s=300.0).nominal_s(100_000) == 300.0


_names = st.text(string.ascii_lowercase + "_-", min_size=1, max_size=8)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_seconds = st.floats(0.001, 1e6)
_scalars = st.integers(-(2**63), 2**63) | st.booleans() | _texts | st.floats(allow_nan=False)
_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _without_what_says_nothing(delay: Delay) -> Delay:
    usual = Delay()
    return replace(
        delay,
        spread=delay.spread if delay.jitter == "bounded" else usual.spread,
        factor=usual.factor if delay.shape == "fixed" else delay.factor,
    )


_delays = st.builds(
    Delay,
    shape=st.sampled_from(["exponential", "linear", "fixed"]),
    base_s=st.floats(0, 1000),
    factor=st.floats(1, 10),
    cap_s=st.floats(1000, 1e6) | st.just(math.inf),
    jitter=st.sampled_from(["none", "full", "bounded"]),
    spread=st.floats(0, 1),
).map(_without_what_says_nothing)
_retries = st.permutations(FAILURE_CLASSES).flatmap(
    lambda order: st.integers(0, 4).flatmap(
        lambda cut: st.builds(
            Retry,
            on=st.just(tuple(order[:cut])),
            not_on=st.just(tuple(order[cut:])),
            max_retries=_maybe(st.integers(0, 1000)),
            delay=_maybe(_delays),
        )
    )
)
_tiers_drawn = st.builds(
    Tier,
    name=_names.filter(lambda name: name != "app"),
    tasks=st.lists(_texts, min_size=1, max_size=3).map(tuple),
    queue=_maybe(_names),
    urgency=_maybe(st.integers(0, 255)),
    events=st.booleans(),
    structured_logs=st.booleans(),
    retry=_maybe(_retries),
    dead_letter=_maybe(
        st.builds(
            DeadLetter,
            to=_names.map("table:{}".format),
            carries=st.lists(st.sampled_from(CARRIES), max_size=4).map(tuple),
            within_s=_seconds,
            also=st.lists(st.sampled_from(UNRUN), max_size=3).map(tuple),
        )
    ),
    alert=_maybe(st.builds(Alert, to=st.lists(_texts, min_size=1, max_size=2).map(tuple), within_s=_seconds)),
    deduplication=_maybe(
        st.builds(Deduplication, lock_s=_seconds, release=st.sampled_from(["on_end", "on_expiry"]))
    ),
    effect=_maybe(st.builds(Effect, counted=st.just("row:a.B"), at_most=st.integers(1, 9))),
    result=_maybe(st.builds(Result, expires_s=_seconds, serializer=_maybe(_names))),
    limits=_maybe(
        st.builds(
            Limits,
            hard_s=_maybe(st.floats(1000, 2000)),
            soft_s=_maybe(st.floats(1, 999)),
            rate=st.sampled_from(["1/s", "120/m", "0.5/h", "7"]),
            rate_scope=st.sampled_from(["global", "worker"]),
        )
    ),
    loss=_maybe(st.builds(Loss, redelivered_at_most=_maybe(st.integers(1, 9)), within_s=_seconds)),
)
_contracts = st.builds(
    Contract,
    tiers=st.lists(_tiers_drawn, min_size=1, max_size=3, unique_by=lambda tier: tier.name).map(tuple),
    workers=st.lists(
        st.builds(
            WorkerLayout,
            name=_names,
            queues=st.lists(_texts, max_size=2).map(tuple),
            concurrency=st.integers(1, 9),
            options=st.lists(_texts, max_size=2).map(tuple),
        ),
        max_size=2,
        unique_by=lambda worker: worker.name,
    ).map(tuple),
    samples=st.dictionaries(
        _texts,
        st.builds(
            Sample,
            args=st.lists(_json, max_size=3).map(tuple),
            kwargs=st.dictionaries(_texts, _json, max_size=3),
            vary=_maybe(_texts),
            body=st.sampled_from(["real", "stub"]),
        ).map(lambda drawn: drawn if drawn.vary in drawn.kwargs else replace(drawn, vary=None)),
        max_size=2,
    ),
    setup=_maybe(st.just("core.seed:example_data")),
)


@given(_contracts)
def test_a_written_contract_reads_back_equal(contract: Contract) -> None:
    """Whatever can be promised can be written; only path and origins are the file's own."""
    text = dumps(contract)
    assert replace(loads(text), path="", origins={}) == contract
    assert dumps(loads(text)) == text


def _loads_or_says_one_line(text: str) -> None:
    try:
        loads(text)
    except ContractError as error:
        said = str(error)
    else:
        return
    assert said.startswith("contract.toml"), said
    assert len(said.splitlines()) == 1, said


@given(st.text() | st.text(alphabet="[]{}=.,#\"'\\\n a1-_:"))
@example("[a]\n[[a.b]]\n[a.b.c]\nx = 1")
@example('"a\\nb" = 1')
def test_no_text_brings_a_traceback(text: str) -> None:
    """A contract or one line, for any text at all."""
    _loads_or_says_one_line(text)


@given(st.data())
def test_no_damaged_contract_brings_a_traceback(data: st.DataObject) -> None:
    """The documented example with a piece cut, doubled or replaced, up to three times."""
    text = DOCUMENTED
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        piece = data.draw(
            st.sampled_from(
                ["", "true", "-1", "nan", "[1]", "{}", '"x"', "[[x]]\n", "\n", '"""', "a.b = 1\n", "1e999"]
            )
        )
        text = text[:start] + piece + text[end:]
    _loads_or_says_one_line(text)


@given(_contracts)
def test_every_key_is_found_on_its_line(contract: Contract) -> None:
    """The locator and `tomllib` agree on what is in a file, and each key stands on the line found."""
    text = dumps(contract)
    rows = text.split("\n")
    for path, line in lines(text).items():
        if len(path) == 3 and path[0] == "tiers":
            assert str(path[2]) in rows[line - 1]
