// The report's state follows the case: whenever the page has been asked for again, its report takes the place of the
// one shown, unless somebody is about to sign; the portal then says that the case has changed.

import { REFRESHED } from "./case-images.js";

document.addEventListener(REFRESHED, ({ detail: { page } }) => {
  const fresh = page.getElementById("report");
  const shown = document.getElementById("report");
  if (fresh && shown && !shown.querySelector("details[open]")) shown.replaceWith(fresh);
});
