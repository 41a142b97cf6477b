
    HAVING list_contains($pages_{number}, arg_{nearest}({path}, {moment}))
