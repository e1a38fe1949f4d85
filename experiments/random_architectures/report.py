def table(rows): return ""
def draw(rows, path): pass
