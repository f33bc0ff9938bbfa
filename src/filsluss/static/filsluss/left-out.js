// Files that were picked and perhaps not meant: a line says that they are left out, and a button uploads them.

import { t } from "./format.js";
import { hasPersonalNumber } from "./personal-number.js";
import { isSystemFile, pathOf } from "./picker.js";

const SHOWN = 5;
/** What is said of files that are left out, by the key of its message; all but the first are asked about. */
const KEYS = ["left_out", "empty", "personal_number"];

function keyOf(file) {
  if (isSystemFile(file)) return "left_out";
  if (!file.size) return "empty";
  return hasPersonalNumber(pathOf(file)) ? "personal_number" : "";
}

export class LeftOut {
  /**
   * Options: `template` of a line; `list`, the element it goes to; `nextFocus(line)`: what gets the focus when it is
   * gone; `onAnswer(files, choice)`: of those to be uploaded, maybe none; `say(text)`.
   */
  constructor(options) {
    Object.assign(this, options, { questions: new Set() });
  }

  /** Whether anything waits for an answer: what systems leave behind does not, an empty file, or a number in a name, may be a mistake. */
  get isAsking() {
    return this.questions.size > 0;
  }

  /** The files of a choice that are to be uploaded at once; the others get their line. */
  sort(files, choice) {
    for (const key of KEYS) {
      const aside = files.filter((file) => keyOf(file) === key);
      if (aside.length) this.addLine(aside, key, choice);
    }
    return files.filter((file) => !keyOf(file));
  }

  addLine(files, key, choice) {
    const line = this.template.content.firstElementChild.cloneNode(true);
    const names = files.slice(0, SHOWN).map(pathOf).join(", ") + (files.length > SHOWN ? ", …" : "");
    line.querySelector('[data-part="status"]').textContent = t(key, { n: files.length });
    line.querySelector('[data-part="name"]').textContent = names;
    line.addEventListener("click", (event) => {
      const action = event.target.closest("[data-action]")?.dataset.action;
      if (!action) return;
      const focus = this.nextFocus({ element: line });
      this.questions.delete(line);
      line.remove();
      focus.focus();
      this.onAnswer(action === "start" ? files : [], choice);
    });
    if (key !== KEYS[0]) this.questions.add(line);
    this.list.append(line);
    this.say(`${t(key, { n: files.length })} ${names}`);
  }
}
