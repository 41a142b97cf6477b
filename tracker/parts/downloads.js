/** Sends the event `download` with the `url` of a link to a file whose ending is one of `data-downloads`. */
export default ({ data, link, list, address, mallard }) => {
  const endings = list(
    data.downloads ||
      "7z,apk,avi,csv,dmg,doc,docx,epub,exe,gz,ics,iso,key,mkv,mov,mp3,mp4,mpeg,msi,odp,ods,odt,pdf,pkg,ppt,pptx," +
        "rar,rtf,tar,tgz,txt,wav,webm,wmv,xls,xlsx,xz,zip",
  );
  link(({ href }) => {
    const url = address(href);
    if (endings.includes(url.split(".").pop().toLowerCase())) mallard("download", { props: { url } });
  });
};
