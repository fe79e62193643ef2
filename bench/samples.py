"""Texts that any machine has or that stand here, for tokens.py and estimate.py. The same every time."""
import base64
import contextlib
import functools
import gettext
import itertools
import os
import pathlib
import random
import sysconfig

SENTENCES = {
    "english": """The harbour was quiet when the first boats came back, and nobody on the quay asked where they had been.
It took the committee three months to agree on a date, and another two to agree on the room.
Most of the heat that a house loses in winter goes through its roof, its windows, and the gaps around its doors.
She had read the letter twice before she noticed that the last page was missing.
When a river bends, the water on the outside runs faster, and so it carries away more of the bank.
"You could have told me," he said, "that the train does not stop here on Sundays."
The results were better than expected, although the sample was small and the instruments were old.
Bread that is baked slowly keeps longer, tastes of more, and costs less than it seems to.""",
    "german": """Der Hafen lag still, als die ersten Boote zurückkamen, und niemand fragte, wo sie gewesen waren.
Die Gemeinde beschloss im Frühjahr, den alten Bahnhof zu renovieren und darin eine Bücherei einzurichten.
Im Winter verliert ein Haus die meiste Wärme durch das Dach, die Fenster und die Fugen der Türen.
Sie hatte den Brief schon zweimal gelesen, bevor ihr auffiel, dass die letzte Seite fehlte.
Wer langsam backt, bekommt ein Brot, das länger frisch bleibt und kräftiger schmeckt.""",
    "russian": """Гавань была тихой, когда вернулись первые лодки, и никто на пристани не спросил, где они были.
Зимой дом теряет больше всего тепла через крышу, окна и щели вокруг дверей.
Она дважды перечитала письмо, прежде чем заметила, что последней страницы не хватает.
Там, где река поворачивает, вода у внешнего берега течёт быстрее и сильнее размывает его.
Комиссии понадобилось три месяца, чтобы договориться о дате, и ещё два, чтобы выбрать помещение.
Результаты оказались лучше ожидаемых, хотя выборка была невелика, а приборы устарели.""",
    "chinese": """第一批渔船回来的时候，港口很安静，码头上没有人问他们去了哪里。
冬天，房屋的大部分热量是从屋顶、窗户和门缝里散失的。
她把信读了两遍，才发现最后一页不见了。
河流转弯的地方，外侧的水流得更快，因此冲走的泥土也更多。
委员会花了三个月才商定日期，又花了两个月才选好会议室。
虽然样本不多，仪器也旧了，但结果比预想的要好。
慢慢烤出来的面包保存得更久，味道更浓，价钱其实也不贵。""",
    "japanese": """最初の船が戻ってきたとき、港は静かで、どこへ行っていたのかと尋ねる人はいなかった。
冬に家から逃げる熱の多くは、屋根と窓、そして扉の隙間を通っていく。
彼女は手紙を二度読んでから、最後のページがないことに気づいた。
川が曲がる所では、外側の水が速く流れ、岸をより多く削り取る。""",
    "korean": """첫 배들이 돌아왔을 때 항구는 조용했고, 어디에 다녀왔는지 묻는 사람은 없었다.
겨울에 집이 잃는 열의 대부분은 지붕과 창문, 그리고 문틈으로 빠져나간다.
그녀는 편지를 두 번 읽고 나서야 마지막 장이 없다는 것을 알았다.""",
    "arabic": """كان الميناء هادئا عندما عادت القوارب الأولى، ولم يسأل أحد على الرصيف أين كانت.
في الشتاء يفقد البيت معظم حرارته من السقف والنوافذ والفجوات حول الأبواب.
قرأت الرسالة مرتين قبل أن تلاحظ أن الصفحة الأخيرة مفقودة.""",
    "hindi": """जब पहली नावें लौटीं तब बंदरगाह शांत था, और किसी ने नहीं पूछा कि वे कहाँ गई थीं।
सर्दियों में घर की अधिकतर गर्मी छत, खिड़कियों और दरवाज़ों की दरारों से निकल जाती है।
उसने चिट्ठी दो बार पढ़ी, तब जाकर देखा कि आख़िरी पन्ना गायब है।""",
}


def shuffled(name, size):
    """Sentences in random order: their words are true to the language, their variety is small."""
    rng, parts, length = random.Random(name), [], 0
    sentences = SENTENCES[name].split("\n")
    while length < size:
        sentence = rng.choice(sentences)
        parts.append(sentence)
        parts.append(rng.choice(["\n", "\n\n"]) if rng.random() < 0.2 else "" if name in ("chinese", "japanese") else " ")
        length += len(sentence.encode()) + 1
    return "".join(parts)


def cut(parts, size):
    """As many of the texts as make `size` bytes, or as there are."""
    taken, length = [], 0
    for part in parts:
        taken.append(part)
        length += len(part.encode())
        if length >= size:
            break
    return "\n".join(taken).encode()[:size].decode("utf-8", "ignore")


def files(folders, pattern):
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob(pattern)):
            if path.is_file() and not path.is_symlink():
                with contextlib.suppress(OSError):
                    yield path.read_text("utf-8", "ignore")


def code(size):
    return cut(files([sysconfig.get_path("stdlib")], "*.py"), size)


def markdown(size):
    """What packages say of themselves, where there is enough of it."""
    folders = [sysconfig.get_path("purelib"), "/usr/lib/python3/dist-packages", "/usr/share/doc", "/usr/local/lib", "/usr/lib"]
    return cut(itertools.chain(files(folders, "METADATA"), files(folders, "*.md")), size)


def english(size):
    """Manuals and what programs say of themselves, where the machine has them."""
    pods = files(["/usr/share/perl", "/usr/share/perl5"], "*.pod")
    return cut(itertools.chain(pods, files(["/usr/share/common-licenses"], "*"), files(["/usr/share/doc"], "README*")), size)


def translated(language, size):
    """The translations in message catalogues: real words and sentences, if short ones."""
    def catalogue(path):
        try:
            with path.open("rb") as file:
                messages = gettext.GNUTranslations(file)._catalog.values()
        except (OSError, UnicodeDecodeError, ValueError, AttributeError):
            return ""
        return "\n".join(text for text in messages if isinstance(text, str))
    folders = [pathlib.Path("/usr/share/locale") / name / "LC_MESSAGES" for name in (language, language.split("_")[0])]
    return cut((catalogue(path) for folder in folders for path in sorted(folder.glob("*.mo"))), size)


@functools.lru_cache(maxsize=4)
def texts(size):
    """Name to text; of a language that this machine has nothing of, a few sentences shuffled."""
    own = os.environ.get("HOTPATHD_TEXTS")  # a folder of NAME.txt that are taken instead
    made = {"english": english, "markdown": markdown, "code": code, "chinese": lambda n: translated("zh_CN", n),
            "russian": lambda n: translated("ru", n), "base64": encoded}
    found = {}
    for name, make in made.items():
        path = pathlib.Path(own or "/nonexistent") / f"{name}.txt"
        found[name] = cut([path.read_text("utf-8")], size) if path.exists() else make(size)
        if len(found[name].encode()) < size // 2 and name in SENTENCES:
            found[name] += shuffled(name, size - len(found[name].encode()))
    return found


def encoded(size):
    return base64.encodebytes(random.Random(7).randbytes(size * 3 // 4)).decode()[:size]


def licences(size):
    """Real English prose where the machine has it, else ours."""
    folder = pathlib.Path("/usr/share/common-licenses")
    whole = "".join(path.read_text("utf-8", "ignore") for path in sorted(folder.glob("*")) if path.is_file())
    return (whole or shuffled("english", size)).encode()[:size].decode("utf-8", "ignore")
