from django.db import migrations

FUNCTION = """
CREATE FUNCTION filsluss_notify_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('filsluss_work', TG_ARGV[0]);
    RETURN NULL;
END
$$
"""
TRIGGERS = (
    ("letter", "INSERT OR UPDATE OF delivery", "NEW.delivery = 'queued'", "letters"),
    (
        "transferfile",
        "INSERT OR UPDATE OF state",
        "NEW.state IN ('received', 'infected', 'erasing')",
        "files",
    ),
    ("transfer", "UPDATE OF state", "NEW.state = 'closing'", "files"),
    ("linkrequest", "INSERT", "TRUE", "links"),
)
"""Of each: the table, after what, of which rows, and what the notice says there is to do."""


def make(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute(FUNCTION)
    for table, after, which, work in TRIGGERS:
        schema_editor.execute(
            f"CREATE TRIGGER filsluss_work AFTER {after} ON filsluss_{table}"
            f" FOR EACH ROW WHEN ({which}) EXECUTE FUNCTION filsluss_notify_work('{work}')"
        )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION filsluss_notify_work() CASCADE")


class Migration(migrations.Migration):
    """PostgreSQL tells the workers when there is something to do, so that they need not ask twice a second."""

    dependencies = [("filsluss", "0019_links_of_local_accounts")]

    operations = [migrations.RunPython(make, drop)]
