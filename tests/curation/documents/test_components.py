"""What components of MDX are given is text: labels, data, the names of tabs."""

from __future__ import annotations

from textwrap import dedent

from curation.documents.markup.page import Page
from curation.documents.markup.reading import parse


def texts(source: str, page: Page) -> list[str]:
    parsed = parse(dedent(source), "markdown", page)
    return [block.rendered for section in parsed.sections for block in section.blocks]


API = """\
    <Properties
      content={[
        {
          name: 'heat',
          type: 'number | "auto"',
          description:
            'How hot, in °C. It\\'s kept. See `fire()`.',
        },
        { name: "lid", type: 'boolean' },
      ]}
    />

    <Snippet text={`import { fire } from "kiln"`} prompt={false} />

    <Tabs items={["npm", 'pnpm']}>
      <Tab>
        npm i kiln
      </Tab>
      <Tab>
        pnpm add kiln
      </Tab>
    </Tabs>

    <Snippet text="import kiln" dark />

    <br />
    <Schema columns={[{ name: "clay", type: "text", description: "Which." }]} />

    <Tabs items={["deb", "rpm"]}>
      <Tabs.Tab>
    Run apt.
    </Tabs.Tab>
      <Tabs.Tab>
    Run dnf.
    </Tabs.Tab>
    </Tabs>

    <Card
    title="Glaze"
    href="https://x.y"
    >
    Dip **once**.
    </Card>

    <ParamField path="id" type="string" required>
      Which one.
    </ParamField>

    <div className="wide">
    Before *firing*.
    <img
      src="a.png"

      alt="A kiln" />
    </div>
    """


def test_the_data_of_components_is_text() -> None:
    assert texts(API, Page("a.mdx")) == [
        '- `heat` (number | "auto"): How hot, in °C. It\'s kept. See `fire()`.',
        "- `lid` (boolean):",
        '`import { fire } from "kiln"`',
        *("npm:", "npm i kiln", "pnpm:", "pnpm add kiln"),
        "`import kiln`",
        "`clay` (text): Which.",
        *("deb:", "Run apt.", "rpm:", "Run dnf."),
        "Glaze:",
        "Dip once.",
        "`id` (string):",
        "Which one.",
        "Before firing.",
        "A kiln",
    ]


def test_expressions_of_mdx_are_no_text() -> None:
    page = Page("a.mdx")
    source = """\
    {Kiln.lid?.isNew && (

    New.

    )}

    {Kiln.lid?.words}

    It is{" "}hot, says {author}. {`As ${it} is`} {"{name}"}
    """
    assert texts(source, page) == ["New.", "It is hot, says author. {`As ${it} is`} {name}"]
    assert [notice.name for notice in page.left_out] == ["{expression}"] * 3
    assert texts("Use {a.b?.c} and )}.", Page("a.md")) == ["Use {a.b?.c} and )}."]


def test_what_stands_far_in_is_read_as_what_it_is() -> None:
    source = """\
    <Steps>
        <Step title="Knead">
            Look at it.
            <Frame>
                ![Soft clay](a.png)
            </Frame>
        </Step>
        <Step title="Fire">
            Then:
            ```sh
            fire
            ```
            - and wait
        </Step>
    </Steps>

    <Frame>![The *kiln*](b.png)</Frame>
    """
    assert texts(source, Page("a.mdx")) == [
        *("Knead:", "Look at it.", "Soft clay", "Fire:", "Then:", "```sh\nfire\n```", "- and wait"),
        "The kiln",
    ]


def test_comments_for_what_colours_code_go() -> None:
    source = """\
    ```js
    // highlight-next-line
    fire() // [!code focus]
    {/* highlight-start */}
    wait() /* [!code ++] */
    // kept, as is highlight-me
    // highlight-end
    ```
    """
    kept = "```js\nfire()\nwait()\n// kept, as is highlight-me\n```"
    assert texts(source, Page("a.md")) == [kept]


def test_tabs_without_labels_and_badges() -> None:
    source = """\
    <Tabs>
    <TabItem value="gas">

    Blue.

    </TabItem>
    </Tabs>

    Lids <Badge type="tip" text="new" />
    """
    assert texts(source, Page("a.mdx")) == ["gas:", "Blue.", "Lids new"]


def test_code_in_a_string_of_jsx_keeps_its_lines() -> None:
    source = """\
    <CodeBlock language="js" title="a.js">
    {`if (hot) {
      wait(\\`lid\\`);
    }`}
    </CodeBlock>

    <Code>{`a
    b`}</Code>

    In a line {`c`} too.
    """
    code = "```\nif (hot) {\n  wait(`lid`);\n}\n```"
    assert texts(source, Page("a.mdx")) == ["a.js:", code, "```\na\nb\n```", "In a line c too."]


def test_comments_of_jsx_are_no_text() -> None:
    source = """\
    Before.

    {/* For editors:

    keep this short. */}

    {/* one line */}
    After. {/* and */} more.

    {/* never closed
    """
    assert texts(source, Page("a.mdx")) == ["Before.", "After. more.", "{/* never closed"]
