# Writes every example of grammar/LANGUAGE.md into the folder `out`: blocks marked gm as they stand, gm+ after the first gm block.
/^```gm\+?$/ {
  plus = /\+$/
  name = sprintf("%s/%02d.gm", out, ++n)
  inside = 1
  text = ""
  if (plus) printf "%s", first > name
  next
}
/^```$/ && inside {
  inside = 0
  close(name)
  if (n == 1) first = text
  next
}
inside {
  print > name
  text = text $0 "\n"
}
