/** Sends the event `form` when a form is submitted: its `id` or name and where it goes, never what was typed. */
export default ({ submit, address, mallard }) =>
  submit(({ target, submitter }) => {
    // By attribute: a field called `id` or `action` hides the property of that name.
    const said = (name) => target.getAttribute(name) || undefined;
    const action = submitter?.getAttribute("formaction") || said("action") || "";
    if (!target.matches("[method=dialog]"))
      mallard("form", { props: { form: said("id") || said("name"), url: address(new URL(action, location).href) } });
  });
