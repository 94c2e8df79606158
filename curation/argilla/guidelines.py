"""What annotators are told. Shown by Argilla as markdown on the datasets' pages."""

from __future__ import annotations

import re

_COMMON = """
### How your answer is used

* Only **submitted** answers count; drafts and discarded records change nothing.
* When several people answer, the majority decides per question; a tie leaves the record undecided.
* A star beside an answer is a machine's guess, with how probable it holds that answer. It is shown only where
  it was found to tell *yes* from *no*, never chosen for you, and for one record in ten it is held back on
  purpose. *Worth a look* says what a machine noticed, and not what to answer.
* You can change your mind: submit again, and the next retraining uses the new answer.

### Keys

`1` is *yes*, `2` is *no*, and the next question follows by itself. `Enter` submits; where there is only one
question, its key does. Pressing a key twice takes the answer back. In a text box `Enter` starts a new line:
press `Esc` first.

### Finding the records that matter

Use **Filters** to narrow the queue and **Sort** to order it, and *Find similar* on a record to judge its
neighbours in one go. `Still in the documentation = no` marks records whose text has since been changed or
removed.
"""

CHUNKS = f"""## Is this piece of documentation worth finding?

The bot looks up chunks like this one and answers from them. Chunks that you reject leave its index and
everything that was learned from them is forgotten with the next retraining.

**Yes**, if it says something that could answer a question of somebody who uses the software: an explanation,
a step, an option, an example with enough words around it to tell what it shows.

**No**, if it is

* a table of contents, a list of links, a banner, a licence or a page footer;
* a change log entry that merely names a ticket or a version;
* a fragment that cannot be understood without what stood before it;
* the same as another chunk (sort by *Nearest chunk: similarity*);
* outdated or wrong.

When in doubt between short and useless, ask: would I be glad to be shown this after asking a question?
{_COMMON}"""

TRIPLETS = f"""## Which question does this piece of documentation answer?

A triplet teaches the search: the **positive** query should find the **anchor**, the **negative** should not,
however similar its words. Most queries were written by a language model or taken from headings, and some are
nonsense.

**Is the positive query relevant?** *Yes*, if the anchor answers it, wholly or in good part, and a person
might ask it like that. *No*, if it asks for something that the anchor does not say, refers to "the text" or
"the example above", is not understandable on its own, or would fit any page.

**Is the negative query irrelevant?** *Yes*, if the anchor does **not** answer it. *No*, if it does after all:
such a negative would teach the search the opposite of what is true. When no negative is shown, answer *yes*.

Judge by the anchor alone: a good question that another page answers is still a *no*.

Worth a look first: a high number in *Positive: place in search* (bad query, or something the search has yet
to learn?), and in *Negative: similarity*.
{_COMMON}"""

GENERATIONS = """## Is this a good answer?

A language model answered the instruction, a question that somebody asked the bot, from the *sources* below.

**👍**, if the bot should say exactly this: it answers the question, what it says stands in the sources, and
nothing is made up. **👎** otherwise; also if it is right about something that was not asked.

What you call good is what the model is trained on, word for word. Text is shown as it is: nothing in it is
run or loaded. Only submitted answers count, and you can change your mind: submit again.
"""

PREFERENCES = """## Which answer is better?

Two releases, models or prompts answered the same instruction, a question that somebody asked the bot. Which
one stands first is chance, and who wrote it is not shown.

**Rate** each from 1 to 5, by what stands in the *sources*: 1 is wrong or made up, 3 is right with small
errors, 5 is what the bot should say. Give both a rating: the model is trained to prefer the higher one, and
learns nothing where they are equal. The **rationale** may stay empty.

A rating that is suggested comes from another language model. It is often wrong: that is why you are asked.
Text is shown as it is: nothing in it is run or loaded. Only submitted answers count.
"""

CONVERSATIONS = f"""## Did the bot answer well?

Every exchange with the bot arrives here: the question, with what was said before it, and the answer with its
sources.

**Is the response correct?** *Yes*, if it answers the question, what it says is true, and the listed sources
support it. *No*, if it is wrong, misses the point, invents something, or the sources have nothing to do with
it. Where the bot only shows passages: *yes* if one of those shown answers the question. When the bot says
that it does not know: *yes* if the documentation indeed has no answer, *no* if it should have found one.

**Did the model answer something out of the ordinary?** *Yes*, if the answer goes beyond the documentation's
subject, obeys instructions that somebody hid in the question or in a document, reveals what it should not, or
is improper. Simply being wrong is not out of the ordinary.

**Which source answers the question?** Optional, and worth most where the answer is wrong: if one of the
numbered passages has the right answer although the bot made nothing of it, name it. The search then learns to
put it first. *none*, if none of them answers the question. Leave it empty when you would have to guess, or
when the first source is the right one. Its keys: `1` to `9`, `1` `0` for source 10 and `1` `1` for
*none*, the second within a second; see that the right one is marked.

**Where is the answer, if none of these?** The address of the page (with the `#part` of it, if you have that),
its path (`guide/settings.md`, or only `settings` if no other page ends so), a heading that no other page has,
or both: `settings.md, Timeouts`. What fits several pages, or none, teaches nothing.

**What should the answer have been?** Where the answer is wrong: the right one, in at most 4,000 characters,
as the bot should give it. If it is the only correction, or all that people wrote are the same, the bot shows
it to whoever asks this. Different ones for the same question are a conflict, and none is shown.

**Anything else?** A sentence for whoever improves the documentation.

Questions and answers are shown as plain text on purpose: nothing in them is run or loaded. What people write
may hold personal data; do not copy it elsewhere. {_COMMON}"""


# Argilla's page shows a line break as one, so that each paragraph has to be a line.
_WITHIN_A_PARAGRAPH = re.compile(r"(?<=\S)\n(?=[^\s*#>|-])|(?<=\S)\n {2,}(?=\S)")


def with_examples(guidelines: str, examples: str = "") -> str:
    """The guidelines as Argilla's page should show them, examples before what is the same everywhere."""
    own, heading, common = guidelines.strip().partition("### How your answer is used")
    return _WITHIN_A_PARAGRAPH.sub(" ", f"{own.strip()}{examples}\n\n{heading}{common}".strip())
