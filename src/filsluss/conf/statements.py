"""The rows of the table by which an organisation states something on /privacy and /accessibility."""

from filsluss.conf import readers
from filsluss.conf.names import Name
from filsluss.conf.setting import Setting
from filsluss.rules.statements import read_assessment, read_legal_basis

STATEMENTS = (
    Setting(
        Name.CONTROLLER,
        readers.name,
        "the controller of the personal data, as `/privacy` names it; unset, the page names none",
        policy="controller",
    ),
    Setting(
        Name.LEGAL_BASIS,
        read_legal_basis,
        "the legal basis that `/privacy` names: `public-task`, `legal-obligation`, `contract`, "
        "`legitimate-interest` or `consent`; unset, it names none",
        policy="legal_basis",
    ),
    Setting(
        Name.DATA_PROTECTION_EMAIL,
        readers.address,
        "your data protection officer, on `/privacy`",
        policy="data_protection_email",
    ),
    Setting(
        Name.ACCESSIBILITY,
        read_assessment,
        "what `/accessibility` states of the service: `full`, `partly` or `not` (conforming to the law), the "
        "date of the test and who tested, as `partly, 2026-11-24, Eva Ek`; unset, it states nothing",
        policy="assessment",
    ),
)
