/** Sends the event `outbound` with the `url` of a link to another host, without its query and hash. */
export default ({ click, address, mallard }) =>
  click("a[href]", ({ href, host }) => {
    const url = address(href);
    if (url && host != location.host) mallard("outbound", { props: { url } });
  });
