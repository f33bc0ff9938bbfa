// The address that may be meant by one whose domain is nearly a known one; as rules/suggestions.py does.

const ALSO_REAL = ["mail.com", "email.com", "ymail.com", "gmx.com"];
const SLIPS_OF_COM = ["co", "cm", "om"];

const nameOf = (domain) => domain.slice(0, Math.max(domain.lastIndexOf("."), 0));
const domainOf = (address) => address.trim().toLowerCase().split("@").at(-1);

export function isAddress(text) {
  return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text.trim());
}

/** Whether the domain is one of `inside`; ".a.se" stands for a.se and all its subdomains. */
export function isInside(address, inside) {
  const domain = domainOf(address);
  const within = (entry) => (entry.startsWith(".") ? `.${domain}`.endsWith(entry) : entry === domain);
  return isAddress(address) && inside.some((entry) => within(entry.toLowerCase()));
}

/** Letters added, left out, changed or swapped with their neighbour. */
function distance(one, other) {
  let before = [];
  let row = [...Array(other.length + 1).keys()];
  for (let i = 1; i <= one.length; i++) {
    const last = before;
    before = row;
    row = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1];
      let cost = Math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (swapped) cost = Math.min(cost, last[j - 2] + 1);
      row.push(cost);
    }
  }
  return row.at(-1);
}

function isNear(domain, known) {
  const slips = known.length < 8 ? 1 : 2;
  return Math.abs(domain.length - known.length) <= slips && distance(domain, known) <= slips;
}

function nearInside(domain, entry) {
  const known = entry.replace(/^\./, "");
  const labels = domain.split(".");
  const kept = entry.startsWith(".") ? Math.max(labels.length - known.split(".").length, 0) : 0;
  const tail = labels.slice(kept).join(".");
  if (!isNear(tail, known) && nameOf(tail) !== nameOf(known)) return "";
  return [...labels.slice(0, kept), known].join(".");
}

function nearProvider(domain, providers) {
  if (providers.includes(domain) || ALSO_REAL.includes(domain)) return "";
  const top = domain.split(".").at(-1);
  const abroad = top.length === 2 && !SLIPS_OF_COM.includes(top);
  if (abroad && providers.some((known) => nameOf(known) === nameOf(domain))) return "";
  const near = providers.filter((known) => isNear(domain, known));
  return near.sort((a, b) => distance(domain, a) - distance(domain, b))[0] ?? "";
}

export function meantAddress(typed, inside, providers) {
  if (!isAddress(typed) || isInside(typed, inside)) return "";
  const domain = domainOf(typed);
  const near = inside.map((entry) => nearInside(domain, entry.toLowerCase())).find(Boolean);
  const meant = near ?? nearProvider(domain, providers);
  return meant && `${typed.trim().split("@")[0]}@${meant}`;
}
