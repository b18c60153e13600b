"""Projects on which executors are tried."""

PROJECT = """
rows = source("raw/rows", files="rows.csv")

class Scale(Config):
    factor: float = 2.0

class Api(Resource):
    word: str = "w"
    def open(self) -> None:
        self.word = self.word.upper()

@asset(key="staging/rows", inputs={"raw": rows}, unique_key=["id"], checks=[check.unique("id")])
def clean(raw: pl.LazyFrame, scale: Scale) -> pl.LazyFrame:
    return raw.with_columns(value=pl.col("value") * scale.factor)

@asset(key="staging/words", inputs={"rows": "staging/rows"}, checks=[check.foreign_key("id", "staging/rows", "id")])
def words(rows: pl.DataFrame, api: Api, context: Context) -> pl.DataFrame:
    context.add_metadata(rows=rows.height)
    return rows.select("id", word=pl.lit(api.word))

@multi_asset(outputs={"odd": "marts/odd", "even": "marts/even"}, inputs={"rows": "staging/rows"})
def halves(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    odd = pl.col("id") % 2 == 1
    return {"odd": rows.filter(odd), "even": rows.filter(~odd)}

sql_asset("marts/sums", "select o.id, o.value + 1 as value, word from marts.odd o join staging.words w using (id)")

@asset(key="marts/blocked", inputs={"sums": "marts/sums"}, checks=[check.between("value", 0, 1)])
def blocked(sums: pl.LazyFrame) -> pl.LazyFrame:
    return sums
"""

BATCHES = """
days = Daily("2024-01-01", "2024-01-07")
rows = source("raw/rows", files="rows.csv", partitions=days, partition_by="day")

class Scale(Config):
    factor: float = 2.0

@asset(partitions=days, partition_by="day", inputs={"raw": rows}, run=Run(batch=6))
def local(raw: pl.LazyFrame, scale: Scale) -> pl.LazyFrame:
    return raw.with_columns(value=pl.col("value") * scale.factor)

@asset(
    partitions=days, partition_by="day", inputs={"raw": rows}, run=Run(batch=3),
    checks=[check.foreign_key("id", "local", "id")],
)
def compared(raw: pl.DataFrame, scale: Scale, context: Context) -> pl.DataFrame:
    context.add_metadata(together=len(context.partitions))
    return raw.with_columns(value=pl.col("value") / scale.factor)

@asset(partitions=days, partition_by="day", inputs={"raw": rows}, run=Run(batch=6))
def differs(raw: pl.DataFrame) -> pl.DataFrame:
    return raw.with_columns(value=pl.col("value").sum())
"""

NASTY = """
class Odd(BaseException):
    pass

@asset
def sound() -> pl.DataFrame:
    return pl.DataFrame({"n": [1, 2]})

@asset
def raises() -> pl.DataFrame:
    secret = 1
    return deeper(secret)

def deeper(secret: int) -> pl.DataFrame:
    raise KeyError("nothing here")

@asset
def exits() -> pl.DataFrame:
    sys.exit(3)

@asset
def base() -> pl.DataFrame:
    raise Odd("odd")

@asset
def wrong_type() -> pl.DataFrame:
    return 42

@asset
def forks() -> pl.DataFrame:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return pl.DataFrame({"n": [0 if child == 0 else 1]})

@asset
def forks_and_leaves() -> pl.DataFrame:
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    return pl.DataFrame({"n": [1]})

@asset
def talks() -> pl.DataFrame:
    print("printed")
    print("to stderr", file=sys.stderr)
    logging.getLogger("mine").warning("logged")
    return pl.DataFrame({"n": [1]})

@asset
def shouts() -> pl.DataFrame:
    for _ in range(40):
        print("x" * 100_000)
    print("the end")
    return pl.DataFrame({"n": [1]})

@asset
def sleeps() -> pl.DataFrame:
    print("going to sleep", flush=True)
    Path("began").touch()
    time.sleep(60)
    Path("woke").touch()
    return pl.DataFrame({"n": [1]})

@asset
def naps() -> pl.DataFrame:
    time.sleep(1.5)
    return pl.DataFrame({"n": [1]})

@asset
def crashes() -> pl.DataFrame:
    os.kill(os.getpid(), signal.SIGSEGV)
    return pl.DataFrame({"n": [1]})

@asset
def is_told_to_end() -> pl.DataFrame:
    os.kill(os.getpid(), signal.SIGTERM)
    return pl.DataFrame({"n": [1]})

@asset
def dies() -> pl.DataFrame:
    print("last words")
    os.kill(os.getpid(), signal.SIGKILL)

@asset
def ends_itself() -> pl.DataFrame:
    os._exit(7)

@asset(run=Run(retry=Retry(attempts=2)))
def retried() -> pl.DataFrame:
    raise ValueError("again")
""".replace('Path("', 'Path(__file__).with_name("')

UNSHIPPABLE = """
import threading

class Lock(Config):
    model_config = {"arbitrary_types_allowed": True, "frozen": True}
    size: int = 1
    lock: object = None

class Made(Config):
    model_config = {"arbitrary_types_allowed": True, "frozen": True}
    lock: object = threading.Lock()

@asset
def holds(config: Made) -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})

@asset
def odd_metadata(context: Context) -> pl.DataFrame:
    context.add_metadata(rows=1, lock=threading.Lock())
    return pl.DataFrame({"n": [1]})

@asset
def sound() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})
"""
