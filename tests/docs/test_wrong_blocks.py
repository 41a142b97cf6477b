"""What the check of blocks and commands finds: each wrong one is told, each right one is not."""

from pathlib import Path

import pytest

from support import docs_blocks
from support.docs_pages import Page
from support.docs_shell import Command, commands, script

WRONG_COMMANDS = {
    "make tset": "the Makefile has no target tset",
    "make deploy STAK=other": "the Makefile has no variable STAK",
    'make deploy PARAMETERS="Sites=example.com EdgeSecrt=a"': "EdgeSecrt is no parameter",
    'make deploy PARAMETERS="Sites=example.com Cdn=maybe"': "Cdn=maybe: template.yaml does not allow that",
    'make deploy PARAMETERS="AdminPassword=short"': "does not allow that",
    'make deploy PARAMETERS="Sites"': "Sites is no Key=Value",
    "mallard sreve": "invalid choice: 'sreve'",
    "mallard serve --prot 80": "unrecognized arguments: --prot",
    "mallard serve --hel": "unrecognized arguments: --hel",
    "mallard erase --site example.com": "the following arguments are required: --start, --end",
    "mallard erase --site example.com --start soon --end 2026-01-02": "argument --start: 'soon' is no date",
    "mallard export --site example.com --format xml": "invalid choice: 'xml'",
    ".venv/bin/mallard keys mkae": "invalid choice: 'mkae'",
    "docker compose exec mallard mallard dcotor": "invalid choice: 'dcotor'",
    "docker compose exec duck mallard doctor": "no compose file has a service duck",
    "docker compose -f nothing.yml up -d": "nothing.yml is not there",
    "docker compose up --biuld": "no option --biuld",
    "docker run mallard": "nothing is known of docker run",
    "docker compose biuld": "nothing is known of docker compose biuld",
    "docker compose exec --all mallard mallard doctor": "no option --all",
    "docker compose run --rm --entrypoint frobnicate mallard": "a program that nothing is known of",
    "docker compose exec mallard tar -cz": "no option -cz",
    "runuser -u mallard -- mallard dcotor": "invalid choice: 'dcotor'",
    "runuser mallard": "nothing is known of it but",
    "systemctl daemon-relaod": "nothing is known of daemon-relaod",
    "curl http://127.0.0.1:8000/api/keys": "/api/keys is asked without a key",
    "MALLARD_PROT=1 mallard serve": "MALLARD_PROT is no setting",
    "export MALLARD_PORT=eighty": "MALLARD_PORT is 'eighty'",
    "export AWS_DEFAULT_REGOIN=eu-central-1": "AWS_DEFAULT_REGOIN is no variable",
    "curl http://127.0.0.1:8000/api/stats/nothing": "answered by no route",
    "curl -X PUT http://127.0.0.1:8000/api/stats/main": "PUT /api/stats/main is answered by no route",
    "curl -H 'X-API-Key: a' 'http://127.0.0.1:8000/api/stats/main?site=example.com'": "/api/stats/main takes no site",
    "curl -G -H 'X-API-Key: a' http://127.0.0.1:8000/api/stats/main -d perod=30d": "/api/stats/main takes no perod",
    'curl http://127.0.0.1:8000/api/event -d \'{"d": "example.com"}\'': "/api/event does not take that",
    "curl -H 'X-API-Key: a' http://127.0.0.1:8000/api/keys -d '{name: 1}'": "the body is no JSON",
    "curl --no-such http://127.0.0.1:8000/health": "is no option that is known here",
    "aws sqss receive-message --queue-url $Q": "there is no service sqss",
    "aws sqs recieve-message --queue-url $Q": "sqs has no operation recieve-message",
    "aws sqs receive-message --queue $Q --queue-url $Q": "sqs receive-message has no --queue",
    "aws sqs receive-message": "--queue-url is missing",
    "aws ssm put-parameter --type Secure --name /a --value b": "--type is one of String, StringList, SecureString",
    "aws sts get-caller-identity now": "['now'] belong to no option",
    "aws lambda invoke --function-name flush": "belong to no option",
    "aws s3 snyc data/ s3://bucket/": "there is no aws s3 snyc",
    "aws s3 sync data/ s3://bucket/ --exlude 'a/*'": "aws s3 sync has no --exlude",
    "aws s3 sync data/": "there must be 2 places",
    "aws s3 sync data/ bucket/": "no place is in a bucket",
    "aws s3": "there is no operation",
    "sam deploy --parameter-overrides Cnd=off": "Cnd is no parameter",
    "sam deply": "nothing is known of sam deply",
    "python deploy/pubish.py mallard": "deploy/pubish.py is not there",
    "python deploy/publish.py mallard Site=example.com": "Site is no parameter",
    "bash .ci/rnu Sites=example.com": ".ci/rnu is not there",
    ".ci/rnu": "a program that nothing is known of",
    "bash .ci/run Site=example.com": "Site is no parameter",
    ".venv/bin/python -c 'print('": "no Python",
    "python -m bench csot": "no benchmark is called csot",
    "python -m nothing": "nothing is known of the module nothing",
    "python -m pip install no-such-package": "no-such-package is pinned nowhere",
    "pytest tests/nothing.py": "tests/nothing.py is not there",
    "duckdb -c 'SELEC 1'": "no SQL",
    'sqlite3 data/queue/queue.sqlite "SELECT * FROM set_asides"': "no such table: set_asides",
    "systemctl restart duck": "no document shows the unit duck",
    "cp .env.exmaple .env": ".env.exmaple is not there",
    "git puhs": "there is checkout, clone, pull",
    "npm run biuld": "package.json has no such script",
    "node tracker/biuld.mjs": "tracker/biuld.mjs is not there",
    "openssl rand -base64 32": "nothing is known of it",
    "rsync -av data/ backup/": "no option -av",
    "frobnicate --all": "a program that nothing is known of",
    "make run; frobnicate": "a program that nothing is known of",
    'make deploy STACK="$(frobnicate)"': "a program that nothing is known of",
    "key=$(mallard keys mkae)": "invalid choice: 'mkae'",
    "mallard doctor && mallard sreve": "invalid choice: 'sreve'",
    "mallard doctor | frobnicate > file": "a program that nothing is known of",
}
RIGHT_COMMANDS = [
    "make run",
    "make",
    'make deploy ARCH=x86_64 PARAMETERS="Sites=example.com,*.example.org AdminPassword=$PASSWORD FlushMinutes=5"',
    "mallard serve; mallard serve my.toml; mallard --version; mallard erase --help",
    'mallard keys create --name "our server" --scope ReadOnly --site example.com --expires 2027-01-31',
    "mallard erase --site example.com --start 2026-01-01 --end 2026-01-02 --yes",
    "mallard flush # and wait\n# a comment, mallard sreve",
    "mallard doctor && mallard serve > log 2>&1 &",
    "docker compose -f docker-compose.minio.yml up -d --build",
    "docker compose exec -T mallard tar -c . > backup.tar",
    "docker compose run --rm -T --entrypoint tar mallard -x < backup.tar",
    "MALLARD_STORE=s3://bucket MALLARD_S3_ENDPOINT=$ENDPOINT mallard doctor",
    "curl -sS -X DELETE -H 'X-API-Key: a' http://127.0.0.1:8000/api/keys/abc",
    "curl -G -H 'X-API-Key: a' http://127.0.0.1:8000/api/stats/main --data-urlencode 'filters=[[\"is\"]]'",
    "curl -OJL -H 'Authorization: Bearer $key' 'https://stats.example.com/api/stats/export?site_id=example.com&what=events'",
    "curl http://127.0.0.1:8000/ \\\n    -H 'Accept: text/html'",
    "aws sqs receive-message --queue-url $Q --message-attribute-names reason other --region eu-central-1",
    "aws s3 cp --recursive s3://bucket/a/ b/ --exclude 'x/*' --exclude 'y/*'",
    "aws lambda invoke --function-name flush answer.json",
    'python -c "import duckdb"',
    "git pull && make setup",
]
WRONG_BLOCKS = {
    "```sh\n```": "no command is shown",
    "```console\nan output alone\n```": "no command is shown",
    "```sh\nmake run 'and\n```": "a quote has no end",
    "```sh\nmake run $(make help\n```": "has no end",
    "```sh\nif make run\n```": "bash: line",
    "```console\n$ make run\nServing ...\n$ make tset\n```": "no target tset",
    "```text\n$ make run\n```": "is a command in a block of text",
    "```\n$ make run\n```": "is a command in a block of text",
    "```powershell\nmake run\n```": "nothing is known of the language powershell",
    "```json\n{a: 1}\n```": "no JSON",
    "```yaml\na: [1\n```": "no YAML",
    "```toml\na = \n```": "no TOML",
    "```ini\na\n```": "no INI",
    "```ini\n[Service]\nExecStart=/opt/m/.venv/bin/mallard sreve\n```": "invalid choice: 'sreve'",
    "```python\nprint(\n```": "no Python",
    "```sql\nSELEC 1\n```": "no SQL",
    "```sql\nBEGIN IMMEDIATE; DELETE FROM no_such_table; COMMIT;\n```": "no SQL",
    "```js\nwindow.mallard(\n```": "no JavaScript",
    '```js\nimport { no } from "mallard-metrics-tracker";\n```': "the module has no no",
    '```js\nimport { init } from "duck";\n```': "duck is no module of ours",
    '```html\n<script src="https://m.example.com/tracking/script.no.js"></script>\n```': "no script script.no.js",
    '```html\n<script data-domian="a" src="https://m.example.com/tracking/script.js"></script>\n```': "data-domian",
    '```html\n<script defer src="https://m.example.com/tracking/script.js">\n```': "<script> has no end",
    "```html\n</form>\n```": "</form> ends nothing",
    "```nginx\nserver { listen 80; }\n```": "no test runs this nginx",
    "```caddy\nexample.com\n```": "no test runs this caddy",
}
WRONG_SPANS = {
    "`make tset`": "no target tset",
    "`mallard sreve`": "invalid choice: 'sreve'",
    "`mallard export --sites S`": "unrecognized arguments: --sites",
    "`mallard export --site S [--format parquet|xml]`": "invalid choice: 'xml'",
    "`mallard keys create|delete`": "invalid choice: 'delete'",
    "`mallard COMMAND --halp`": "unrecognized arguments: --halp",
    "`docker compose exec mallard mallard pasword`": "invalid choice: 'pasword'",
    "`aws sts get-caller-identiy`": "sts has no operation",
    "`pytest tests/nothing -k tracker`": "tests/nothing is not there",
}
RIGHT_SPANS = [
    "`mallard erase`, `mallard erase --site S --start D --end D`, `mallard import FILE`, `mallard doctor [CONFIG]`",
    "`mallard export --site S [--start DATE] [--end DATE] [--format parquet|csv|ndjson] [--output FILE]`",
    "`mallard keys create\\|list\\|revoke`, `mallard COMMAND --help`",
    "`window=1 hour`, `. - _ :`, `mallard.events`, `export`, `make help`, `aws sts get-caller-identity`",
]


def page(text: str) -> Page:
    return Page(Path("docs/a.md"), text)


@pytest.mark.parametrize("command", WRONG_COMMANDS)
def test_wrong_command_is_reported(command: str) -> None:
    (told, *_) = docs_blocks.complaints(page(f"```sh\n{command}\n```"))
    assert WRONG_COMMANDS[command] in told
    assert told.startswith("line 1: ")


@pytest.mark.parametrize("command", RIGHT_COMMANDS)
def test_right_command_is_not_reported(command: str) -> None:
    assert list(docs_blocks.complaints(page(f"```sh\n{command}\n```"))) == []


@pytest.mark.parametrize("text", WRONG_BLOCKS)
def test_wrong_block_is_reported(text: str) -> None:
    (told, *_) = docs_blocks.complaints(page(text))
    assert WRONG_BLOCKS[text] in told


@pytest.mark.parametrize("text", WRONG_SPANS)
def test_wrong_command_in_a_sentence_is_reported(text: str) -> None:
    (told, *_) = docs_blocks.span_complaints(page(text))
    assert WRONG_SPANS[text] in told


@pytest.mark.parametrize("text", RIGHT_SPANS)
def test_right_command_in_a_sentence_is_not_reported(text: str) -> None:
    assert list(docs_blocks.span_complaints(page(text))) == []


def test_transcript_commands_are_read_without_their_output() -> None:
    (block,) = page("```console\n$ one \\\n  two\nthree\n$ four\n```").blocks
    assert list(commands(script(block))) == [Command(("one", "two")), Command(("four",))]


def test_command_line_is_split_like_a_shell() -> None:
    line = "A=1 B='2 3' one \"$(two 'x y')\" | three >file 2>&1; four & # five"
    assert list(commands(line)) == [
        Command(("one", "$()"), (("A", "1"), ("B", "2 3"))),
        Command(("three",)),
        Command(("four",)),
        Command(("two", "x y")),
    ]


def test_single_quoted_text_is_not_read_as_a_command() -> None:
    assert list(commands("one '$(two)'")) == [Command(("one", "$(two)"))]
