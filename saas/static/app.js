// What a page gains with JavaScript. Each part starts from an attribute in the markup; without this file every form still works.
(() => {
  const status = document.getElementById("page-status");
  const say = (text) => { if (status) status.textContent = text; };
  const every = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);

  // [data-copy] copies the code of its block.
  async function copy(button) {
    const code = button.closest("[data-code]").querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code);
      if (!document.execCommand("copy")) return say("Selected. Press Ctrl+C to copy.");
    }
    const word = button.querySelector("[data-word]");
    word.textContent = "Copied";
    say("Copied");
    setTimeout(() => { word.textContent = "Copy"; say(""); }, 2000);
  }

  // Browsers that don't know command/commandfor yet.
  function command(button) {
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "show-modal") dialog?.showModal();
    else dialog?.close();
  }

  // [data-theme-choice] follows the system or overrules it.
  function choose(theme) {
    const root = document.documentElement;
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    try {
      if (theme === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", theme);
    } catch {
      // Kept for this page only.
    }
    showTheme();
  }

  function showTheme() {
    const theme = document.documentElement.dataset.theme ?? "system";
    every("[data-theme-choice]", (b) => b.setAttribute("aria-pressed", String(b.dataset.themeChoice === theme)));
  }

  // [data-lines] holds the rows of a list of fields. A new row is the last one, emptied and renumbered.
  function addLine(lines) {
    const rows = lines.querySelectorAll("[data-line]");
    const row = rows[rows.length - 1].cloneNode(true);
    const next = Math.max(...[...rows].map((r) => Number(r.dataset.line))) + 1;
    row.dataset.line = next;
    every(".error", (error) => error.remove(), row);
    every("input, select", (input) => {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
      if (input.type === "checkbox") input.checked = false;
      else if (input.tagName === "SELECT") input.selectedIndex = 0;
      else input.value = "";
    }, row);
    every("*", (node) => {
      for (const name of ["id", "name", "for"]) {
        const value = node.getAttribute(name);
        if (value) node.setAttribute(name, value.replace(/-\d+-/, `-${next}-`));
      }
    }, row);
    lines.append(row);
    relabel(lines);
    row.querySelector("input").focus();
    say("Field added");
  }

  function removeLine(row) {
    const lines = row.parentElement;
    if (lines.children.length < 2) return;
    const neighbour = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    relabel(lines);
    neighbour.querySelector("input").focus();
    say("Field removed");
  }

  function relabel(lines) {
    every("[data-remove-line]", (button, i) => {
      button.hidden = lines.children.length < 2;
      button.querySelector("[data-word]").textContent = `Remove field ${i + 1}`;
    }, lines);
  }

  // [data-follows="id"] proposes a name from another field until somebody writes one.
  function follow(input) {
    const leader = document.getElementById(input.dataset.follows);
    leader?.addEventListener("input", () => {
      if (edited.has(input)) return;
      input.value = leader.value.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
        .replace(/[^a-z0-9]+/g, "_").replace(/^[_\d]+|_+$/g, "").slice(0, 40).replace(/_$/, "");
    });
  }

  // [data-own] is a field others may fill in until it holds something of the reader's own.
  const edited = new WeakSet();
  function own(input) {
    if (input.value) edited.add(input);
    else edited.delete(input);
  }

  // [data-waiting] looks every two seconds whether this page has something else to show.
  async function wait() {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!(await answer.text()).includes("data-waiting")) return location.reload();
    } catch {
      // Offline for a moment: look again.
    }
    setTimeout(wait, 2000);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[role=alert] a[href^='#']");
    if (link) {
      event.preventDefault();
      const field = document.getElementById(link.hash.slice(1));
      (field?.matches("input, select, textarea") ? field : field?.querySelector("[aria-invalid], input"))?.focus();
      return;
    }
    const button = event.target.closest("button");
    if (!button) return;
    if ("copy" in button.dataset) copy(button);
    else if (button.dataset.themeChoice) choose(button.dataset.themeChoice);
    else if ("addLine" in button.dataset) {
      event.preventDefault();
      addLine(document.getElementById(button.dataset.addLine));
    } else if ("removeLine" in button.dataset) removeLine(button.closest("[data-line]"));
    else if (button.hasAttribute("commandfor") && !("commandForElement" in button)) command(button);
  });

  document.addEventListener("input", (event) => {
    if ("own" in event.target.dataset) own(event.target);
  });

  // The business name asks for an address only while the address is nobody's own.
  document.addEventListener("htmx:config:request", (event) => {
    const source = event.detail.ctx.sourceElement;
    if (edited.has(document.getElementById(source.dataset.proposes))) event.preventDefault();
  });

  every("[data-script]:not(html)", (node) => { node.hidden = false; });
  every("[data-own]", own);
  every("[data-follows]", follow);
  every("[data-lines]", relabel);
  every("dialog[open]", (dialog) => { dialog.close(); dialog.showModal(); });
  if (document.querySelector("[data-waiting]")) setTimeout(wait, 2000);
  showTheme();
})();
