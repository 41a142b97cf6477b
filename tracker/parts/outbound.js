/** Sends the event `outbound` with the `url` of a link to another host, without its query and hash. */
export default ({ link, address, mallard }) =>
  link(({ href, host }) => {
    const url = address(href);
    if (url && host != location.host) mallard("outbound", { props: { url } });
  });
