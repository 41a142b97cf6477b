// Sends a page's pattern in place of its path: data-mask="/user/*/orders" says that orders were looked at, not whose.
export default (kit) => {
  kit.masked = (href) => {
    const pattern = kit.match(kit.data.mask, href);
    return pattern ? kit.path(href, pattern) : href;
  };
  kit.gate(4, (event) => {
    event.u = kit.masked(event.u);
    event.r = kit.masked(event.r);
  });
};
