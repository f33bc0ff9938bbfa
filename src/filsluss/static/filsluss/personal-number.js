// Swedish personal identity numbers and coordination numbers in a name; rules/personal_number.py says the same.

const DASHES = "-+ \\u00a0\\u2010-\\u2015\\u2212";
const CANDIDATE = `(?:^|[^0-9])(19|20)?([0-9]{2})([0-9]{2})([0-9]{2})[${DASHES}]?([0-9]{4})(?![0-9])`;
const COORDINATION = 60; // the day of a coordination number has this much added

/** Whether the text has a number with a day that has been and the right check digit. */
export function hasPersonalNumber(text, today = new Date()) {
  return Array.from(text.matchAll(new RegExp(CANDIDATE, "g"))).some(([, century, year, month, day, number]) => {
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
