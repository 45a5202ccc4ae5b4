// Says at once what a pseudonym looks like that is being typed. Without this script the form asks when it is sent.

const field = document.querySelector("[data-check]");
const notice = document.querySelector("[data-doubts]");
let asked = 0;

async function check() {
  const mine = ++asked;
  const sent = new FormData();
  sent.set("patient", field.value);
  sent.set("csrf_token", field.form.elements.csrf_token.value);
  try {
    const answer = await fetch(field.dataset.check, { method: "POST", body: sent, headers: { Accept: "application/json" } });
    if (!answer.ok || mine !== asked) return;
    const { warnings } = await answer.json();
    notice.textContent = warnings.length ? `${warnings.join(" ")} Use a pseudonym that tells nobody who the patient is.` : "";
    notice.hidden = !warnings.length;
  } catch {
    // The form asks again when it is sent.
  }
}

field?.addEventListener("change", check);
