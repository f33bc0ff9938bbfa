// Swedish personal identity numbers and coordination numbers in a name; rules/personal_number.py says the same.

const UNSEEN = /[\u00ad\u200b-\u200f\u2060\ufeff]/g;
const BLANKS = "[ \\t\\n]{0,2}";
const MARK = `${BLANKS}[-+\\u2010-\\u2015\\u2043\\u2212]${BLANKS}|[ \\t\\n_/]{0,2}`;
const DAY = "([0-9]{2})([-. /]?)([0-9]{2})\\3([0-9]{2})";
const CANDIDATE = `(?:^|[^0-9])(19|20)?${DAY}(${MARK})([0-9]{4})(?![0-9])`;
const COORDINATION = 60; // the day of a coordination number has this much added

/** Whether the text has a number with a day that has been and the right check digit. */
export function hasPersonalNumber(text, today = new Date()) {
  const plain = text.replace(UNSEEN, "").normalize("NFKC"); // every kind of blank, full-width digits
  return Array.from(plain.matchAll(new RegExp(CANDIDATE, "g"))).some((found) => {
    const [, century, year, parted, month, day, mark, number] = found;
    if (parted && !mark.replace(/[ \t\n_/]/g, "")) return false; // 2025-11-25 1430 is a day and a time
    const years = century ? [century + year] : [`19${year}`, `20${year}`];
    const isDay = (each) => hasBeen(Number(each), Number(month), Number(day), today);
    return holdsLuhn(year + month + day + number) && years.some(isDay);
  });
}

function hasBeen(year, month, day, today) {
  const date = day > COORDINATION ? day - COORDINATION : day;
  const born = new Date(Date.UTC(year, month - 1, date));
  return born.getUTCMonth() === month - 1 && born.getUTCDate() === date && born <= today;
}

/** The check digit of ten digits (Luhn: every second doubled, beginning with the first). */
function holdsLuhn(digits) {
  const doubled = Array.from(digits, (digit, position) => Number(digit) * (2 - (position % 2)));
  return doubled.reduce((sum, value) => sum + Math.floor(value / 10) + (value % 10), 0) % 10 === 0;
}
