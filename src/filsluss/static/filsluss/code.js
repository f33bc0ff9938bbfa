// The page where a code is typed: one that came in the address, as from a QR code, is filled in and taken out of it.

const field = document.getElementById("code");
const given = decodeURIComponent(location.hash.slice(1));

if (given && given.length < 40) {
  field.value = given;
  history.replaceState(null, "", location.pathname + location.search);
}
