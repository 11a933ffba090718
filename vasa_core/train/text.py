"""Endless English-like sentences for the speech synthesisers: what they mean does not matter, how mouths move does.

A sentence is one of the whole ones below, or 3 to 14 words drawn from: frequent words, stems with endings, and invented
words, which put every consonant beside every vowel.
"""

from numpy.random import Generator

WHOLE_SHARE = 0.12

WHOLE = """Maybe Bob bought some apple pumpkin pie for my mum.
The painter mixed blue and purple by the open window.
Five very fine violins were found beneath the fifth floor.
We would like to know whether you will come tomorrow.
Papa keeps a map of Bombay in the bottom box.
She should choose a fresh shirt and shiny shoes.
Move the lamp above the table, please.
How now, do you hear the music from the room below?
I have never believed a word of what he said.
Both boys jumped over the puddle and fell in the mud.
Who threw those old blue boots through the roof?
My family moved from Vermont to Memphis in February.
A big brown bear chews cheap bamboo.
Yes, we use yellow yarn every year.
Half of the coffee fell over the sofa.
Peter bumped his thumb and broke a plum branch.
What a wonderful way to wake up on Wednesday.
Thank you for the thick leather gloves.
Do not put the pepper pot on top of the piano.
Today we have good news, and tomorrow we may have more.
Give me a moment, I am almost ready.
Some people prefer to walk, others would rather swim.
Is there a map in the drawer, or did you move it?
The moon rose slowly over the quiet bay.
Push the button, wait for the beep, and leave your message.
Oh no, you really should have told me before.
Fifty of her favourite films are about love.
Open your mouth wide and say ah.
Her voice was low, warm and full of humour.
The ship must leave the harbour before the storm."""

FREQUENT = """
the a of to and in that it is was for on are with as his they at be this from have or by one had not but what all
were when we there can an your which their said if do will each about how up out them then she many some so these
would other into has more her two like him see time could no make than first been who now people my made over did
down only way find use may water long little very after words called just where most know get through back much
before go good new write our used me man too any day same right look think also around came come work three must
because does part even place well such here take why things help put years different away again off went old number
great tell men say small every found still between name should home big give air line set own under read last never
us left end along while might next sound below saw something thought both few those always looked show large often
together asked house world going want school important until form food keep children feet land side without boy once
animals life enough took sometimes four head above kind began almost live page got earth need far hand high year
mother light parts country father let night following picture being study second eyes soon times story boys since
white days ever paper hard near sentence better best across during today however sure means knew young problem
complete room whole voice power town fine certain fly fall lead cry dark machine note wait plan figure star box noun
field rest correct able pound done beauty drive stood contain front teach week final gave green quick develop ocean
warm free minute strong special mind behind clear tail produce fact street inch nothing course stay wheel full force
blue object decide surface deep moon island foot system busy test record boat common gold possible plane age dry
wonder laugh thousand ago ran check game shape hot miss brought heat snow tire bring yes distant fill east paint
language among
"""

STEMS = """
friend hope move part play help farm bomb jump love save prove arm warm harm lamp camp simple table stable pebble
bubble number timber member cover river fever silver over harbour labour favour humour rumour promise compare
complain combine appear approve improve believe receive observe divide provide publish polish finish measure
treasure picture mixture future nature capture wander wonder winter dinner summer hammer bottom blossom problem
system rhythm album freedom kingdom morning evening building meaning feeling breathing clothing author mother father
leather weather gather other brother thought through thorough question fashion motion notion nation station passion
mission version vision decision choose cheese choice voice noise point joint royal loyal coin poison boil soil
flower power tower shower cloud crowd loud sound round ground mountain fountain yellow follow hollow shadow window
meadow narrow arrow sparrow music human unit union useful beauty value review
"""

PREFIXES = ["", "", "", "", "re", "un", "pre", "over", "mis", "be", "im", "sub"]
ENDINGS = "s ed ing er ly ful able ment ness y some ive ism ward ship"

ONSETS = """
b p m f v w th t d n s z sh ch j k g h l r y br pr fr bl pl fl sm sp sw st sk tr dr gr cr thr tw qu sn sl wh
"""
VOWELS = """
a e i o u ee oo ea ai ow oi ou ar er or aw ay oa igh
"""
CODAS = "b p m f v th t d n s z sh ch ck g l r ng mp nt st ft lm rm lf rb pt ps bs"


def sentence(random: Generator) -> str:
    """One sentence, ended by . ? or !"""
    if random.random() < WHOLE_SHARE:
        return str(random.choice(WHOLE.splitlines()))
    words = [word(random) for _ in range(random.integers(3, 15))]
    if len(words) > 4 and random.random() < 0.5:
        words[random.integers(1, len(words) - 1)] += ","
    return " ".join(words).capitalize() + str(random.choice([".", ".", "?", "!"]))


def word(random: Generator) -> str:
    """A frequent word (half), a stem with endings (a quarter), or an invented one."""
    kind = random.random()
    if kind < 0.5:
        return one_of(FREQUENT, random)
    if kind < 0.75:
        ending = one_of(ENDINGS, random) if random.random() < 0.85 else ""
        return str(random.choice(PREFIXES)) + one_of(STEMS, random) + ending
    return "".join(syllable(random) for _ in range(random.integers(1, 4)))


def syllable(random: Generator) -> str:
    """Onset, vowel and, nine times in ten, a coda."""
    coda = one_of(CODAS, random) if random.random() < 0.9 else ""
    return one_of(ONSETS, random) + one_of(VOWELS, random) + coda


def one_of(words: str, random: Generator) -> str:
    """One of the words of a text."""
    return str(random.choice(words.split()))
