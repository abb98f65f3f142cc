// A file that the browser saves by itself, in the folder and under the name that it usually would.

function saveFile(blob, name) {
  const link = document.createElement("a");
  Object.assign(link, { href: URL.createObjectURL(blob), download: name });
  document.body.append(link); // Firefox only follows links that are in the page
  link.dispatchEvent(new MouseEvent("click", { bubbles: false })); // a menu that it passed would close
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
